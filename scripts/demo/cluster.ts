import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { pino } from "pino";
import type { Log } from "#core/handler.ts";
import { documents } from "#queues/documents.ts";
import { KeyStore } from "../../src/access/keys.ts";
import type { Role } from "../../src/access/principal.ts";
import { catalog } from "../../src/catalog.ts";
import type { Environment } from "../../src/config/env.ts";
import { freePort } from "../../src/embedded/port.ts";
import { type Servers, startServers } from "../../src/embedded/servers.ts";
import { Database } from "../../src/ledger/database.ts";
import { isMigrated } from "../../src/ledger/migrate.ts";
import type { Stores } from "../../src/stores.ts";
import { type Supervised, Supervisor } from "../../src/supervisor.ts";
import { WorkerLog } from "./documents/worker-log.ts";
import { pruneRuns } from "./run-folder.ts";
import { type Platform, tenantOf } from "./tenants.ts";
import { type Way, wayOf } from "./way.ts";

/** What a worker serves beside the two that make documents and may be killed. */
const others = catalog.queues.map(({ name }) => name).filter((name) => name !== documents.name);
/** Ctrl-C should not wait for a long render; what is cut off goes back unspent. */
const drainMs = 2_000;
/** What a process may take to close its connections after that, before it is killed. */
const graceMs = 6_000;

/** One of the two worker processes that make documents. */
export interface DemoWorker {
  readonly name: string;
  readonly process: Supervised;
  readonly log: WorkerLog;
}

/** A database that is not ours to change. */
export class SchemaNotMigrated extends Error {
  constructor() {
    super("Expected a migrated database behind DATABASE_URL. Run `npm run release` once, then the demo again.");
  }
}

/**
 * Nightshift's processes for the time of one demo: two workers for documents, so that one can be killed, and one for all
 * other queues; free ports, logs in files, and tenants of its own, so that this run's work can be counted.
 */
export class Cluster {
  /** Names this run: its tenants, its logs. */
  readonly run: string;
  readonly logDir: string;
  readonly #env: Environment;
  readonly #signal: AbortSignal;
  readonly #onDownload: () => void;
  #workers: readonly DemoWorker[] = [];
  #log: Log | null = null;
  #servers: Servers | null = null;
  #supervisor: Supervisor | null = null;
  #database: Database | null = null;
  #url = "";

  /** `signal`: aborting gives up whatever is on its way. `onDownload`: Redis is being fetched, which takes a while. */
  constructor(options: { env: Environment; signal: AbortSignal; onDownload: () => void }) {
    const stamp = new Date().toISOString().slice(0, 19).replaceAll(":", "-").toLowerCase();
    this.run = `demo-${stamp}-${process.pid}`;
    this.logDir = join(options.env.dataDir, "logs", this.run);
    this.#env = options.env;
    this.#signal = options.signal;
    this.#onDownload = options.onDownload;
  }

  get workers(): readonly DemoWorker[] {
    return this.#workers;
  }

  /** Once the servers are there. */
  get database(): Database {
    return this.#database!;
  }

  /** Once the servers are there: where they are. */
  get stores(): Omit<Stores, "stop"> {
    const { databaseUrl = this.#servers!.databaseUrl!, redisUrl = this.#servers!.redisUrl! } = this.#env;
    return { databaseUrl, redisUrl };
  }

  /** Postgres and Redis: embedded ones where the environment names none. */
  async startServers(): Promise<void> {
    await mkdir(this.#env.dataDir, { recursive: true, mode: 0o700 });
    await mkdir(this.logDir, { recursive: true });
    await pruneRuns(this.logDir);
    const { databaseUrl, redisUrl, dataDir } = this.#env;
    const log = pino({ base: null }, pino.destination({ dest: join(this.logDir, "demo.log"), sync: true }));
    this.#log = log;
    this.#servers = await startServers({
      dataDir,
      want: { redis: !redisUrl, postgres: !databaseUrl },
      log: {
        info: (fields, event) => {
          if (event === "packages.downloading") this.#onDownload();
          log.info(fields, event);
        },
        warn: (fields, event) => log.warn(fields, event),
        error: (fields, event) => log.error(fields, event),
      },
      signal: this.#signal,
    });
    this.#database = new Database({
      connectionString: databaseUrl ?? this.#servers.databaseUrl!,
      max: 1,
      name: "nightshift demo",
      log,
    });
    if (databaseUrl && !(await isMigrated(this.#database))) throw new SchemaNotMigrated();
  }

  /** All processes side by side, with `settings` in their environment; resolves when every one says it is ready. */
  async startProcesses(settings: Readonly<Record<string, string>>): Promise<void> {
    const port = await freePort();
    this.#signal.throwIfAborted(); // nothing waits from here to the last start: an abort stops all of them or none
    this.#url = `http://127.0.0.1:${port}`;
    const supervisor = new Supervisor({ log: this.#log! });
    this.#supervisor = supervisor;
    const shared = {
      ...settings,
      HOST: "127.0.0.1",
      PROBE_PORT: "0",
      DRAIN_MS: String(drainMs),
      LOG_LEVEL: "info",
      NODE_COMPILE_CACHE: join(this.#env.dataDir, "compile-cache"), // a second run spends a quarter less on starting
    };
    const file = (name: string) => ({ file: join(this.logDir, `${name}.log`) });
    const processes = [
      supervisor.start("api", { ...shared, PORT: String(port) }, file("api")),
      supervisor.start("scheduler", shared, file("scheduler")),
      supervisor.start("dashboard", { ...shared, DASHBOARD_PORT: "0" }, file("dashboard")),
      supervisor.start("worker", { ...shared, WORKER_QUEUES: others.join() }, file("worker-3")),
    ];
    const making = { ...shared, LOG_LEVEL: "debug", WORKER_QUEUES: documents.name }; // debug tells of starts
    this.#workers = ["worker-1", "worker-2"].map((name) => ({
      name,
      process: supervisor.start("worker", making, file(name)),
      log: new WorkerLog(file(name).file),
    }));
    const ready = [...processes, ...this.#workers.map((worker) => worker.process)].map((one) => one.ready);
    const aborted = delay(2 ** 31 - 1, undefined, { signal: this.#signal, ref: false });
    await Promise.race([Promise.all(ready), aborted]);
  }

  /** A way in for a platform, with a new key. Its requests end with the signal. */
  async connect(platform: Platform, role: Role): Promise<Way> {
    const tenant = tenantOf(platform, this.run);
    const keys = new KeyStore(this.database, undefined);
    const { key } = await keys.create({ name: "npm run demo", tenant, role });
    return wayOf({ baseUrl: this.#url, key, tenant, fetch: this.fetch });
  }

  /** `fetch`, given up with the signal. */
  readonly fetch: typeof fetch = (input, init) => {
    const signals = [this.#signal, ...(init?.signal ? [init.signal] : [])];
    return fetch(input, { ...init, signal: AbortSignal.any(signals) });
  };

  /** Stop everything that was started, in reverse. Safe at any moment, and twice. */
  async stop(): Promise<void> {
    const [supervisor, database, servers] = [this.#supervisor, this.#database, this.#servers];
    [this.#supervisor, this.#database, this.#servers] = [null, null, null];
    await supervisor?.stop(drainMs + graceMs);
    await database?.stop();
    await servers?.stop();
  }
}
