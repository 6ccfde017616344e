import { randomBytes } from "node:crypto";
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { freePort } from "./port.ts";

const logLimitBytes = 4 * 1024 * 1024;

/** What both servers keep beside their data: a password, the port of last time, a log. Whoever removes the directory removes all. */
export class ServerDir {
  readonly path: string;
  readonly log: string;
  #logStart = 0;

  constructor(path: string) {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    this.path = path;
    this.log = this.file("log");
  }

  file(name: string): string {
    return join(this.path, name);
  }

  /** Made at random on first use and kept, so that the clients of a killed guard get in again. */
  password(): string {
    const file = this.file("password");
    if (!existsSync(file)) writeFileSync(file, randomBytes(24).toString("base64url"), { mode: 0o600 });
    return readFileSync(file, "utf8");
  }

  /** The port of last time when it is free, for the same reason; else any free one. */
  async port(): Promise<number> {
    const file = this.file("port");
    const last = existsSync(file) ? Number(readFileSync(file, "utf8")) : undefined;
    const port = await freePort(last);
    if (port !== last) writeFileSync(file, String(port));
    return port;
  }

  /** Run `use` with the log open for appending; a child inherits it. */
  async withLog<Result>(use: (fd: number) => Promise<Result>): Promise<Result> {
    this.#logStart = existsSync(this.log) ? statSync(this.log).size : 0;
    if (this.#logStart > logLimitBytes) this.#logStart = 0;
    const fd = openSync(this.log, this.#logStart === 0 ? "w" : "a", 0o600);
    try {
      return await use(fd);
    } finally {
      closeSync(fd);
    }
  }

  /** The last lines that the latest start wrote. */
  logTail(): string {
    if (!existsSync(this.log)) return "";
    return readFileSync(this.log).subarray(this.#logStart).toString().trim().split("\n").slice(-4).join(" | ");
  }
}
