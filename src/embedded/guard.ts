import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { renameSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { NightshiftError } from "#core/errors.ts";
import { type GuardLine, type Hello, lockHeld, onLines, type ServersFile, sendLine, serversFile } from "./link.ts";
import { tryLock } from "./lock.ts";
import { startPostgres } from "./postgres.ts";
import { startRedis } from "./redis.ts";
import type { Log, StartOptions } from "./server.ts";
import { Supervisor } from "./supervisor.ts";

const lingerMs = 500;

/** Running over a data directory without fsync, asked for with it: only starting anew can promise that. */
class RunningWithoutFsync extends NightshiftError {
  readonly code = "embedded_servers_without_fsync";
}

/**
 * The process that owns the servers of one data directory: `node guard.ts <data directory>`. It holds the directory's
 * lock, starts what its clients want, restarts what dies, and stops everything when the last client is gone, however
 * that ended: a client is a connection, and the kernel closes the connections of the killed. See docs/adr/0003.
 */
class Guard {
  readonly #dataDir: string;
  readonly #lock: Disposable;
  readonly #token = randomBytes(24).toString("base64url");
  readonly #clients = new Set<Socket>();
  readonly #server = createServer({ allowHalfOpen: true }, (socket) => this.#greet(socket));
  readonly #redis: Supervisor;
  readonly #postgres: Supervisor;
  #fsync: boolean | undefined;
  #temporary = false;
  #file: ServersFile | undefined;
  #stopped: Promise<void> | undefined;

  constructor(dataDir: string, lock: Disposable) {
    this.#dataDir = dataDir;
    this.#lock = lock;
    const options = (name: string, signal: AbortSignal): StartOptions => ({
      path: join(dataDir, name),
      fsync: this.#fsync ?? true,
      env: process.env,
      log: this.log,
      signal,
    });
    this.#redis = new Supervisor({
      name: "redis",
      log: this.log,
      start: (signal) => startRedis(options("redis", signal)),
    });
    this.#postgres = new Supervisor({
      name: "postgres",
      log: this.log,
      start: (signal) => startPostgres(options("postgres", signal)),
    });
  }

  /** Listen for clients. */
  async start(): Promise<void> {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    const { port } = this.#server.address() as AddressInfo;
    this.#publish({ guard: { pid: process.pid, port, token: this.#token } });
  }

  /** To be called when whoever started us has become a client, or died before. */
  stopIfUnused(): void {
    if (this.#clients.size === 0) void this.stop();
  }

  /** Stop both servers and leave. Safe to repeat. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    this.#server.close();
    this.#tell({ stopping: true });
    try {
      await Promise.all([this.#redis.stop(), this.#postgres.stop()]);
      rmSync(serversFile(this.#dataDir), { force: true });
      this.log.info({}, "guard.stopped");
      this.#lock[Symbol.dispose]();
      if (this.#temporary) rmSync(this.#dataDir, { recursive: true, force: true });
    } finally {
      for (const socket of this.#clients) socket.end();
      setTimeout(() => process.exit(), lingerMs).unref(); // a client that hangs does not hold us
    }
  }

  /** To the clients, whose log somebody reads, and to standard error, which is guard.log, for when they are gone. */
  readonly log: Log = {
    info: (fields, event) => this.#record("info", fields, event),
    warn: (fields, event) => this.#record("warn", fields, event),
    error: (fields, event) => this.#record("error", fields, event),
  };

  #record(level: "info" | "warn" | "error", fields: object, event: string): void {
    this.#tell({ log: { level, fields, event } });
    this.#write(level, fields, event);
  }

  #write(level: string, fields: object, event: string): void {
    try {
      writeSync(2, `${JSON.stringify({ time: new Date().toISOString(), level, ...fields, msg: event })}\n`);
    } catch {
      // A full disk is no reason to stop the servers.
    }
  }

  #tell(line: GuardLine): void {
    for (const socket of this.#clients) sendLine(socket, line);
  }

  #greet(socket: Socket): void {
    const leave = () => {
      const wasClient = this.#clients.delete(socket);
      if (!wasClient) return socket.end();
      if (this.#clients.size > 0) return socket.end();
      void this.stop().finally(() => socket.end()); // its stop() waits until the servers are down
    };
    socket.on("error", () => {}); // "close" follows
    socket.on("end", leave);
    socket.on("close", leave);
    onLines<Hello>(socket, (hello) => {
      if (hello.token !== this.#token || this.#stopped) return socket.destroy();
      this.#clients.add(socket);
      sendLine(socket, { welcome: true });
      void this.#serve(socket, hello);
    });
  }

  async #serve(socket: Socket, { want, fsync, temporary }: Hello): Promise<void> {
    try {
      this.#fsync ??= fsync;
      this.#temporary ||= temporary;
      if (fsync && !this.#fsync) {
        throw new RunningWithoutFsync(
          "Expected servers that survive a power cut, found them running without fsync. Stop those who use this data directory (a test run?) or take another one.",
        );
      }
      const [redisUrl, databaseUrl] = await Promise.all([
        want.redis ? this.#redis.start() : undefined,
        want.postgres ? this.#postgres.start() : undefined,
      ]);
      const urls = { ...(redisUrl && { redisUrl }), ...(databaseUrl && { databaseUrl }) };
      this.#publish({ ...this.#file!, ...urls });
      sendLine(socket, { ready: urls });
    } catch (error) {
      if (this.#stopped) return;
      const { code, message, details } =
        error instanceof NightshiftError
          ? error
          : { code: "embedded_servers_failed", message: String(error), details: {} };
      this.#write("error", { code, message }, "servers.refused");
      sendLine(socket, { refused: { code, message, details } });
    }
  }

  /** Whole or not at all, for those who read it at any moment. Only the holder of the lock writes. */
  #publish(content: ServersFile): void {
    if (this.#stopped) return;
    this.#file = content;
    const file = serversFile(this.#dataDir);
    writeFileSync(`${file}.part`, `${JSON.stringify(content, null, 2)}\n`, { mode: 0o600 });
    renameSync(`${file}.part`, file);
  }
}

const dataDir = process.argv[2];
if (!dataDir) throw new TypeError("Expected the data directory as argument");
process.umask(0o077);
const lock = tryLock(join(dataDir, "guard.lock"));
if (!lock) process.exit(lockHeld);
writeFileSync(join(dataDir, "guard.log"), "", { mode: 0o600 }); // emptied, not replaced: our standard error goes there

const guard = new Guard(dataDir, lock);
for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => void guard.stop());
process.on("SIGHUP", () => {}); // the terminal of a client is none of ours
process.on("uncaughtException", (error) => {
  guard.log.error({ error: String(error), stack: error.stack }, "guard.failed");
  process.exitCode = 70; // EX_SOFTWARE
  void guard.stop();
});
await guard.start();
process.stdin.on("end", () => guard.stopIfUnused()).resume();
process.stdout.on("error", () => {}); // nobody waits for it any more
process.stdout.write("listening\n");
