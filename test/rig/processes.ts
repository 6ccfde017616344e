import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { startServers } from "../../src/embedded/servers.ts";
import type { ProcessKind } from "../../src/supervisor.ts";

const key = "a-key-that-only-this-test-knows";

/** A real process of Nightshift, with what it logged. */
export interface Running {
  readonly pid: number;
  readonly lines: Record<string, unknown>[];
  /** The next line (or one that is there already) with this event. */
  logged(event: string): Promise<Record<string, unknown>>;
  kill(signal: NodeJS.Signals): void;
  /** Exit code, or the signal that ended it. */
  readonly ended: Promise<number | NodeJS.Signals>;
}

/** A house of its own: servers, data dir, and any number of processes; all gone at the end. */
export interface House extends AsyncDisposable {
  /** Where the house's servers are, for those who put something in between. */
  readonly databaseUrl: string;
  readonly redisUrl: string;
  /** Start a process without waiting until it is ready. */
  launch(kind: ProcessKind, env?: Record<string, string>): Running;
  /** Resolves when the process is ready. */
  start(kind: ProcessKind, env?: Record<string, string>): Promise<Running>;
  /** The embedded Redis' process id, to stop and continue it. */
  readonly redisPid: number;
  /** Call the API of the newest `api` process; the body is JSON. */
  call(method: string, path: string, body?: unknown): Promise<Answer>;
}

export interface Answer {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: a test reads what it expects, and fails where it is not there
  readonly body: any;
  readonly bytes: Uint8Array;
}

export async function openHouse(): Promise<House> {
  const dataDir = mkdtempSync(join(tmpdir(), "nightshift-house-"));
  const servers = await startServers({ dataDir, want: { redis: true, postgres: true }, temporary: true });
  const children: ChildProcess[] = [];
  let apiUrl = "";

  const launch: House["launch"] = (kind, env = {}) => {
    const child = fork(fileURLToPath(new URL(`../../src/bin/${kind}.ts`, import.meta.url)), [], {
      // Not vitest's own flags and variables: the process is to be what an operator starts.
      execArgv: ["--disable-warning=ExperimentalWarning"],
      env: {
        PATH: process.env.PATH,
        HOME: process.env.HOME,
        NIGHTSHIFT_DATA_DIR: dataDir,
        NIGHTSHIFT_API_KEY: key,
        PORT: "0",
        DASHBOARD_PORT: "0",
        LOG_LEVEL: "debug",
        ...env,
      },
      stdio: ["ignore", "pipe", "inherit", "ipc"],
    });
    children.push(child);
    return watch(child);
  };

  const start: House["start"] = async (kind, env = {}) => {
    const running = launch(kind, env);
    await Promise.race([
      running.logged("process.ready"),
      running.ended.then((code) =>
        Promise.reject(
          new Error(
            `${kind} ended before it was ready: ${code}\n${running.lines.map((l) => JSON.stringify(l)).join("\n")}`,
          ),
        ),
      ),
    ]);
    if (kind === "api") apiUrl = (await running.logged("api.listening")).url as string;
    return running;
  };

  return {
    databaseUrl: servers.databaseUrl!,
    redisUrl: servers.redisUrl!,
    launch,
    start,
    get redisPid() {
      return Number(readFileSync(join(dataDir, "redis", "redis.pid"), "utf8"));
    },
    async call(method, path, body) {
      const response = await fetch(`${apiUrl}${path}`, {
        method,
        headers: { authorization: `Bearer ${key}`, "nightshift-tenant": "acme", "content-type": "application/json" },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      });
      const bytes = new Uint8Array(await response.arrayBuffer());
      const json = response.headers.get("content-type")?.includes("json");
      return { status: response.status, bytes, body: json ? JSON.parse(new TextDecoder().decode(bytes)) : null };
    },
    async [Symbol.asyncDispose]() {
      const living = children.filter((child) => child.exitCode === null && child.signalCode === null);
      const ends = living.map((child) => once(child, "exit"));
      for (const child of living) child.kill("SIGKILL");
      await Promise.all(ends);
      await servers.stop(); // the last to leave: waits until the servers are down and the directory is gone
    },
  };
}

function watch(child: ChildProcess): Running {
  const lines: Record<string, unknown>[] = [];
  const waiting = new Set<() => void>();
  createInterface({ input: child.stdout! }).on("line", (text) => {
    try {
      lines.push(JSON.parse(text));
    } catch {
      lines.push({ msg: text });
    }
    for (const look of waiting) look();
  });
  return {
    pid: child.pid!,
    lines,
    logged: (event) =>
      new Promise((resolve) => {
        const look = () => {
          const line = lines.find((candidate) => candidate.msg === event);
          if (!line) return;
          waiting.delete(look);
          resolve(line);
        };
        waiting.add(look);
        look();
      }),
    kill: (signal) => void process.kill(child.pid!, signal),
    ended: once(child, "exit").then(([code, signal]) => signal ?? code),
  };
}
