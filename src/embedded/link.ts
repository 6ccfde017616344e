import { readFileSync } from "node:fs";
import type { Socket } from "node:net";
import { join } from "node:path";

/** Where the guard of a data directory listens, and the secret that opens it. Kept in `servers.json`, mode 0600. */
export interface GuardAddress {
  readonly pid: number;
  readonly port: number;
  readonly token: string;
}

/** The file that says what runs over a data directory. It exists only while the guard does, or after it was killed. */
export interface ServersFile {
  readonly guard: GuardAddress;
  readonly redisUrl?: string;
  readonly databaseUrl?: string;
}

/** First line of a client. It holds the connection for as long as it uses the servers; its end is its leave. */
export interface Hello {
  readonly token: string;
  readonly want: { readonly redis: boolean; readonly postgres: boolean };
  readonly fsync: boolean;
  /** Remove the data directory after the last one left; one client that says so is enough. */
  readonly temporary: boolean;
}

/** Lines of the guard: `welcome` at once, then any number of `log` and one `ready` or `refused`; `stopping` before it goes. */
export type GuardLine =
  | { readonly welcome: true }
  | { readonly log: { readonly level: "info" | "warn" | "error"; readonly fields: object; readonly event: string } }
  | { readonly ready: { readonly redisUrl?: string; readonly databaseUrl?: string } }
  | { readonly refused: { readonly code: string; readonly message: string; readonly details: object } }
  | { readonly stopping: true };

/** Exit code of a guard that found the directory guarded already (EX_TEMPFAIL). */
export const lockHeld = 75;

export const serversFile = (dataDir: string) => join(dataDir, "servers.json");

export function readServersFile(dataDir: string): ServersFile | undefined {
  try {
    return JSON.parse(readFileSync(serversFile(dataDir), "utf8")) as ServersFile;
  } catch {
    return undefined; // no guard yet
  }
}

export function sendLine(socket: Socket, line: Hello | GuardLine): void {
  if (socket.writable) socket.write(`${JSON.stringify(line)}\n`);
}

const longestLine = 64 * 1024; // characters; ours have a few hundred

/** Lines as they come. A stranger who knocks at the port and speaks something else is shown out. */
export function onLines<Line extends object>(socket: Socket, handle: (line: Line) => void): void {
  let rest = "";
  socket.setEncoding("utf8").on("data", (chunk: string) => {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop()!;
    try {
      if (rest.length > longestLine) throw new RangeError("no line");
      for (const line of lines) handle(JSON.parse(line));
    } catch {
      socket.destroy();
    }
  });
}
