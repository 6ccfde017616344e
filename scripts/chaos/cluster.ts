import { randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { type Client, createClient } from "../../src/client/client.ts";
import { freePort } from "../../src/embedded/port.ts";
import { type Servers, startServers } from "../../src/embedded/servers.ts";
import { Database } from "../../src/ledger/database.ts";
import { migrate } from "../../src/ledger/migrate.ts";
import type { ProcessKind } from "../../src/supervisor.ts";
import { commitsTable } from "./census.ts";
import { Member, type OwnEnd } from "./member.ts";
import { type WorkerName, workers } from "./plan.ts";
import { Wire } from "./wire.ts";
import { chaosQueues } from "./work/jobs.ts";
import { World } from "./world.ts";

export const tenant = "chaos";
const drainMs = 5_000;
const requestMs = 10_000; // nobody waits longer for an answer

/**
 * A Nightshift of this run's own: servers over a temporary directory, API, scheduler and three workers as processes, and
 * between each worker and each server a wire that can be cut. The API and the scheduler reach the servers directly.
 */
export class Cluster {
  readonly dir = mkdtempSync(join(tmpdir(), "nightshift-chaos-"));
  readonly world: World;
  readonly #members = new Map<string, Member>();
  readonly #wires = new Map<string, { readonly redis: Wire; readonly postgres: Wire }>();
  readonly #key = randomBytes(24).toString("base64url");
  #servers: Servers | null = null;
  #database: Database | null = null;
  #apiUrl = "";

  constructor() {
    mkdirSync(join(this.dir, "logs"));
    this.world = new World(join(this.dir, "world.sqlite"));
  }

  /** Servers, schema, processes; resolves when all are ready. */
  async start(signal: AbortSignal): Promise<void> {
    const dataDir = join(this.dir, "data");
    const log = pino({ base: null }, pino.destination({ dest: this.#logFile("chaos"), sync: true }));
    // As in production: what is acknowledged is on disk, Redis by its everysec.
    this.#servers = await startServers({ dataDir, want: { redis: true, postgres: true }, log, signal });
    const { redisUrl, databaseUrl } = this.#servers as Required<Servers>;
    this.#database = new Database({ connectionString: databaseUrl, max: 2, name: "nightshift chaos", log });
    await migrate(this.#database);
    await this.#database.executeSql(commitsTable);

    const worldUrl = await this.world.start();
    const port = await freePort();
    signal.throwIfAborted();
    this.#apiUrl = `http://127.0.0.1:${port}`;
    const { NODE_OPTIONS: _, ...inherited } = process.env; // a test runner's hooks are not meant for them
    const add = (kind: ProcessKind, name: string, env: Readonly<Record<string, string>>) =>
      this.#members.set(
        name,
        new Member({
          kind,
          name,
          logFile: this.#logFile(name),
          env: {
            ...(inherited as Record<string, string>),
            NIGHTSHIFT_DATA_DIR: dataDir,
            NIGHTSHIFT_API_KEY: this.#key,
            HOST: "127.0.0.1",
            PROBE_PORT: "0",
            DRAIN_MS: String(drainMs),
            LOG_LEVEL: "info",
            DATABASE_URL: databaseUrl,
            REDIS_URL: redisUrl,
            CHAOS_WORLD: worldUrl,
            CHAOS_MEMBER: name,
            ...env,
          },
        }),
      );
    add("api", "api", { PORT: String(port) });
    add("scheduler", "scheduler", {});
    const queues = [...chaosQueues.map(({ name }) => name), "operations"].join(","); // no threads to warm at each boot
    for (const name of workers) {
      const [redis, postgres] = await Promise.all([Wire.start(redisUrl), Wire.start(databaseUrl)]);
      this.#wires.set(name, { redis, postgres });
      add("worker", name, { REDIS_URL: redis.url, DATABASE_URL: postgres.url, WORKER_QUEUES: queues });
    }
    signal.throwIfAborted();
    await Promise.all([...this.#members.values()].map((member) => member.start(signal)));
  }

  get database(): Database {
    return this.#database!;
  }

  get redisUrl(): string {
    return this.#servers!.redisUrl!;
  }

  member(name: string): Member {
    return this.#members.get(name)!;
  }

  wires(worker: WorkerName) {
    return this.#wires.get(worker)!;
  }

  get workerLogs(): readonly string[] {
    return workers.map((name) => this.#logFile(name));
  }

  /** Processes that ended and were not asked to, in order. */
  get ownEnds(): readonly OwnEnd[] {
    return [...this.#members.values()].flatMap((member) => member.ownEnds).sort((a, b) => a.at - b.at);
  }

  /** The server's main process, to kill it. */
  serverPid(server: "redis" | "postgres"): number {
    const file = server === "redis" ? "redis/redis.pid" : "postgres/data/postmaster.pid";
    return Number.parseInt(readFileSync(join(this.dir, "data", file), "utf8"), 10);
  }

  client(): Client {
    return createClient({
      baseUrl: this.#apiUrl,
      key: this.#key,
      tenant,
      fetch: (input, init) => fetch(input, { ...init, signal: AbortSignal.timeout(requestMs) }),
    });
  }

  /** End everything that was started. Safe at any moment, and twice. */
  async stop(): Promise<void> {
    for (const { redis, postgres } of this.#wires.values()) for (const wire of [redis, postgres]) wire.mend();
    await Promise.all([...this.#members.values()].map((member) => member.stop(2 * drainMs)));
    for (const { redis, postgres } of this.#wires.values()) await Promise.all([redis.stop(), postgres.stop()]);
    await this.world.stop();
    const [database, servers] = [this.#database, this.#servers];
    [this.#database, this.#servers] = [null, null];
    await database?.stop();
    await servers?.stop();
  }

  /** After `stop`: nothing of a run that went well is worth its place on the disk. */
  remove(): void {
    rmSync(this.dir, { recursive: true, force: true });
  }

  #logFile(name: string): string {
    return join(this.dir, "logs", `${name}.log`);
  }
}
