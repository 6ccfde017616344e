import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import type { Database } from "../../src/ledger/database.ts";

/**
 * Open connections enough that one more statement finds a free one, whatever is being told to watchers meanwhile: to be asked for
 * before `swallow`, where a new connection would come to nothing.
 */
export async function spareConnections(database: Database): Promise<void> {
  await Promise.all(Array.from({ length: 3 }, () => database.hot("spare", "select 1", [])));
}

/** A way to a server that a test can cut and mend: what an outage looks like to those on this side. */
export interface Cuttable extends AsyncDisposable {
  /** The server's URL with our address in it. */
  readonly url: string;
  /** Drop every connection and refuse new ones. */
  cut(): void;
  /** Nothing passes in either direction any more, and nobody is told: connections stay, new ones open and stay silent. */
  hang(): void;
  /** As `hang`, but only for the connections there are: what a firewall does that forgot them. New ones work. */
  freeze(): void;
  /** Let what is asked reach the server, and cut the connection instead of passing its next answer on. No new ones open. */
  swallow(): void;
  /** Connections work again. Those that hang are dropped; frozen ones stay as they are. */
  mend(): void;
}

interface Line {
  readonly near: Socket;
  readonly far: Socket;
  silent: boolean;
}

export async function cuttable(to: string): Promise<Cuttable> {
  const target = new URL(to);
  const lines = new Set<Line>();
  let state: "open" | "cut" | "hung" | "swallowing" = "open";
  const server = createServer((near) => {
    if (state === "cut") return near.destroy();
    const line: Line = { near, far: connect(Number(target.port), target.hostname), silent: state === "hung" };
    const { far } = line;
    lines.add(line);
    for (const socket of [near, far]) {
      socket.on("error", () => undefined);
      socket.on("close", () => {
        if (line.silent && socket === far) return; // the near end is not told
        lines.delete(line);
        near.destroy();
        far.destroy();
      });
    }
    near.on("data", (bytes) => void (line.silent || far.write(bytes)));
    far.on("data", (bytes) => {
      if (line.silent) return;
      if (state === "swallowing") near.destroy();
      else near.write(bytes);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = new URL(to);
  url.hostname = "127.0.0.1";
  url.port = String((server.address() as AddressInfo).port);
  const drop = (which: (line: Line) => boolean) => {
    for (const line of [...lines].filter(which)) {
      line.near.destroy();
      line.far.destroy();
    }
  };
  const silence = () => {
    for (const line of lines) line.silent = true;
  };
  return {
    url: url.href,
    cut() {
      state = "cut";
      drop(() => true);
    },
    hang() {
      state = "hung";
      silence();
    },
    freeze: silence,
    swallow() {
      state = "swallowing";
    },
    mend() {
      if (state === "hung") drop((line) => line.silent);
      state = "open";
    },
    async [Symbol.asyncDispose]() {
      state = "cut";
      drop(() => true);
      server.close();
    },
  };
}
