import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/** A way to a server that a test can cut and mend: what an outage looks like to those on this side. */
export interface Cuttable extends AsyncDisposable {
  /** The server's URL with our address in it. */
  readonly url: string;
  /** Drop every connection and refuse new ones. */
  cut(): void;
  mend(): void;
}

export async function cuttable(to: string): Promise<Cuttable> {
  const target = new URL(to);
  const sockets = new Set<Socket>();
  let open = true;
  const server = createServer((near) => {
    if (!open) return near.destroy();
    const far = connect(Number(target.port), target.hostname);
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on("error", () => undefined);
      socket.on("close", () => {
        sockets.delete(socket);
        near.destroy();
        far.destroy();
      });
    }
    near.pipe(far).pipe(near);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = new URL(to);
  url.hostname = "127.0.0.1";
  url.port = String((server.address() as AddressInfo).port);
  const cut = () => {
    open = false;
    for (const socket of sockets) socket.destroy();
  };
  return {
    url: url.href,
    cut,
    mend() {
      open = true;
    },
    async [Symbol.asyncDispose]() {
      cut();
      server.close();
    },
  };
}
