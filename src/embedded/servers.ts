import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, closeSync, mkdirSync, openSync, statSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { join, resolve } from "node:path";
import type { Writable } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { NightshiftError } from "#core/errors.ts";
import { type GuardLine, type Hello, lockHeld, onLines, readServersFile, sendLine } from "./link.ts";
import type { Log } from "./server.ts";

export interface ServersOptions {
  /** Where data, logs and `servers.json` live; made when absent, mode 0700. */
  readonly dataDir: string;
  readonly want: { readonly redis: boolean; readonly postgres: boolean };
  /** Whether acknowledged work must survive a power cut; true unless told. Off makes tests faster. */
  readonly fsync?: boolean;
  /** Remove the data directory, once the servers are down; also when this process is killed. */
  readonly temporary?: boolean;
  readonly log?: Log;
  readonly env?: NodeJS.ProcessEnv;
  /** Aborting gives up a start, also in the middle of a download. */
  readonly signal?: AbortSignal;
}

/** Servers in use. They stay up until the last one who uses them, in whatever process, has stopped or died. */
export interface Servers {
  readonly redisUrl?: string;
  readonly databaseUrl?: string;
  /** Leave; the last one to leave waits until the servers are down. Safe to repeat. */
  stop(): Promise<void>;
}

/** The guard could not provide a server. `code` is that of the cause, such as `redis_not_found`. */
export class ServersRefused extends NightshiftError {
  readonly code: string;

  constructor({ code, message, details }: { code: string; message: string; details: object }) {
    super(message, { ...details });
    this.code = code;
  }
}

/** The guard process did not come up or went away while it was starting the servers. */
export class GuardUnavailable extends NightshiftError {
  readonly code = "embedded_guard_unavailable";
}

/** Two users over one data directory would lock each other out. */
export class DataDirOfAnotherUser extends NightshiftError {
  readonly code = "data_dir_of_another_user";
}

const silent: Log = { info() {}, warn() {}, error() {} };
const joinsWithinMs = 30_000; // a predecessor may be shutting down

/**
 * Redis and Postgres for this process: those that run over the data directory already, else new ones. Safe to call from
 * any number of processes at once; they share one pair. When the guard is killed, the servers are started again by those
 * who still use them, at the same addresses.
 */
export async function startServers(options: ServersOptions): Promise<Servers> {
  const { want, fsync = true, temporary = false, log = silent, env = process.env, signal } = options;
  if (!want.redis && !want.postgres) return { async stop() {} };
  const dataDir = resolve(options.dataDir);
  prepare(dataDir);

  const request = { dataDir, want, fsync, temporary, log, env };
  const leaving = new AbortController();
  let link = await joinGuard({ ...request, signal });
  const { urls } = link;
  const watch = async () => {
    for (;;) {
      const announced = await link.gone;
      if (leaving.signal.aborted) return;
      if (announced) return log.error({ dataDir }, "servers.stopped");
      log.warn({ dataDir }, "guard.lost");
      link = await joinGuard({ ...request, signal: leaving.signal });
      if (leaving.signal.aborted) link.socket.end();
      // Moved when somebody took a port in between: a restart of this process finds them.
      if (JSON.stringify(link.urls) === JSON.stringify(urls)) log.info({ dataDir }, "guard.rejoined");
      else log.error({ dataDir }, "servers.moved");
    }
  };
  const watching = watch().catch((error: unknown) => {
    if (!leaving.signal.aborted) log.error({ dataDir, error: String(error) }, "servers.lost");
  });

  return {
    ...urls,
    async stop() {
      leaving.abort();
      link.socket.ref().end();
      await watching;
    },
  };
}

function prepare(dataDir: string): void {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const { uid } = statSync(dataDir);
  const we = process.getuid?.();
  if (we !== undefined && uid !== we) {
    throw new DataDirOfAnotherUser(
      `Expected ${dataDir} to belong to uid ${we}, found uid ${uid}. Run as that user, or set NIGHTSHIFT_DATA_DIR to another directory.`,
      { dataDir },
    );
  }
  chmodSync(dataDir, 0o700);
}

interface Request {
  readonly dataDir: string;
  readonly want: Hello["want"];
  readonly fsync: boolean;
  readonly temporary: boolean;
  readonly log: Log;
  readonly env: NodeJS.ProcessEnv;
  readonly signal: AbortSignal | undefined;
}

interface Link {
  readonly socket: Socket;
  readonly urls: { readonly redisUrl?: string; readonly databaseUrl?: string };
  /** Fulfilled when the guard is gone; with true when it said so before. */
  readonly gone: Promise<boolean>;
}

/** Be a client of the directory's guard, started if need be. */
async function joinGuard(request: Request): Promise<Link> {
  const deadline = Date.now() + joinsWithinMs;
  let leash: Writable | undefined;
  do {
    request.signal?.throwIfAborted();
    const link = await ask(request).finally(() => leash?.destroy());
    if (link) return link;
    leash = await startGuard(request);
    // One that holds the lock and does not answer is just starting, or just going: ask again in a moment.
    if (!leash) await delay(50, undefined, { signal: request.signal });
  } while (Date.now() < deadline);
  leash?.destroy();
  throw new GuardUnavailable(
    `Expected the guard of ${request.dataDir} to answer, found its lock held and nobody answering for ${joinsWithinMs} ms. See ${join(request.dataDir, "guard.log")}.`,
  );
}

/** Ask the guard that `servers.json` names; undefined when there is none behind it, or none that stays. */
async function ask({ dataDir, want, fsync, temporary, log, signal }: Request): Promise<Link | undefined> {
  const guard = readServersFile(dataDir)?.guard;
  if (!guard) return undefined;
  const socket = connect(guard.port, "127.0.0.1", () =>
    sendLine(socket, { token: guard.token, want, fsync, temporary }),
  );
  const giveUp = () => socket.destroy();
  signal?.addEventListener("abort", giveUp);
  socket.on("error", () => {}); // "close" follows
  socket.setTimeout(2000, giveUp); // until it welcomes us: the port may be somebody else's by now

  let announced = false;
  const gone = new Promise<boolean>((resolve) => socket.once("close", () => resolve(announced)));
  try {
    return await new Promise<Link | undefined>((resolve, reject) => {
      gone.then(() => resolve(undefined));
      onLines<GuardLine>(socket, (line) => {
        if ("welcome" in line) socket.setTimeout(0);
        if ("log" in line) log[line.log.level](line.log.fields, line.log.event);
        if ("stopping" in line) announced = true;
        if ("ready" in line) resolve({ socket, urls: line.ready, gone });
        if ("refused" in line) {
          reject(new ServersRefused(line.refused));
          socket.end();
        }
      });
    });
  } finally {
    signal?.removeEventListener("abort", giveUp);
    signal?.throwIfAborted();
    socket.unref(); // a program that has nothing else to do may end; that is a leave as well
  }
}

/**
 * Start a guard and wait until it listens. Returns a pipe to it: when that ends, by us or because we were killed, a
 * guard without any client goes. Undefined when another one holds the directory.
 */
async function startGuard({ dataDir, env, signal }: Request): Promise<Writable | undefined> {
  const logFile = join(dataDir, "guard.log");
  const { NODE_OPTIONS: _, ...guardEnv } = env; // hooks of a test runner or debugger are not meant for it
  const logFd = openSync(logFile, "a", 0o600);
  const program = fileURLToPath(new URL("./guard.ts", import.meta.url));
  const child = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", program, dataDir], {
    env: guardEnv,
    cwd: "/",
    detached: true, // out of reach of our terminal's Ctrl-C: it outlives us by the clean shutdown
    stdio: ["pipe", "pipe", logFd],
    windowsHide: true,
  });
  closeSync(logFd);
  try {
    const listens = once(child.stdout!, "data", { signal }).then(() => undefined);
    const exits = once(child, "exit", { signal }).then(([code]) => code as number);
    const code = await Promise.race([listens, exits]);
    if (code === undefined) return child.stdin!;
    if (code === lockHeld) return undefined;
    throw new GuardUnavailable(
      `Expected the guard of ${dataDir} to listen, found that it ended with code ${code}. See ${logFile}.`,
    );
  } catch (error) {
    child.stdin!.destroy();
    throw error;
  } finally {
    child.stdout!.destroy();
    child.unref();
  }
}
