import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { ServersOptions } from "../../src/embedded/servers.ts";
import { eventually } from "../rig/eventually.ts";

export interface Line {
  readonly event: string;
  readonly redisUrl?: string;
  readonly databaseUrl?: string;
  readonly code?: string;
  readonly message?: string;
  readonly pid?: number;
}

/** A process of its own that uses servers. */
export interface Client {
  readonly pid: number;
  /** The first line with that event, past or future. */
  line(event: string): Promise<Line>;
  /** Leave as a program does that ends well. */
  leave(): Promise<void>;
  kill(signal: NodeJS.Signals): Promise<void>;
}

const bothServers = { redis: true, postgres: true };

/** A data directory for one test, and clients over it. Whatever is left at the end is killed and removed. */
export class DataDir implements AsyncDisposable {
  readonly path = mkdtempSync(join(tmpdir(), "nightshift-embedded-"));
  readonly #clients: Client[] = [];

  client(options: Partial<ServersOptions> = {}): Client {
    const program = fileURLToPath(new URL("./client.fixture.ts", import.meta.url));
    const argument = JSON.stringify({ dataDir: this.path, want: bothServers, fsync: false, ...options });
    const env = { ...process.env, NODE_OPTIONS: "", ...options.env };
    const child = spawn(process.execPath, [program, argument], { stdio: ["pipe", "pipe", "inherit"], env });
    const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
    const lines: Line[] = [];
    createInterface({ input: child.stdout }).on("line", (line) => lines.push(JSON.parse(line)));
    const client: Client = {
      pid: child.pid!,
      line: (event) =>
        eventually(
          () =>
            lines.find((line) => line.event === event) ??
            Promise.reject(new Error(`no ${event}: ${JSON.stringify(lines)}`)),
        ),
      async leave() {
        child.stdin.end();
        await exited;
      },
      async kill(signal) {
        child.kill(signal);
        await exited;
      },
    };
    this.#clients.push(client);
    return client;
  }

  /** Live processes that work in this directory or name it: guard, servers, initdb. */
  processes(): ReadonlyArray<{ pid: number; command: string }> {
    const found = [];
    for (const pid of readdirSync("/proc")
      .map(Number)
      .filter((pid) => pid > 1)) {
      try {
        const command = readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ").trim();
        const isOurs = readlinkSync(`/proc/${pid}/cwd`).startsWith(this.path) || command.includes(this.path);
        if (isOurs && !command.includes("client.fixture")) found.push({ pid, command });
      } catch {
        // gone, or a zombie
      }
    }
    return found;
  }

  guardPid(): number {
    return this.processes().find(({ command }) => command.includes("guard.ts"))!.pid;
  }

  /** Fulfilled when nothing runs here any more. */
  async quiet(): Promise<void> {
    await eventually(() => {
      const left = this.processes();
      if (left.length > 0) throw new Error(`still there: ${JSON.stringify(left)}`);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.kill("SIGKILL")));
    await this.quiet();
    const copy = join(this.path, "postgres", "copy-of-programs"); // a guard killed outright leaves it to the next start
    if (existsSync(copy)) rmSync(readFileSync(copy, "utf8"), { recursive: true, force: true });
    rmSync(this.path, { recursive: true, force: true });
  }
}
