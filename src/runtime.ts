import type { Redis } from "ioredis";
import type { Catalog } from "#core/catalog.ts";
import type { Clock } from "#core/clock.ts";
import { minutes } from "#core/duration.ts";
import type { Log } from "#core/handler.ts";
import { type Meters, type ReportMeter, silentMeters } from "#core/meters.ts";
import type { EngineKind, QueueDefinition } from "#core/queue.ts";
import type { Services } from "#core/services.ts";
import type { Engine } from "./engines/engine.ts";
import { PostgresEngine } from "./engines/postgres.ts";
import { RedisEngine } from "./engines/redis.ts";
import { cacheConnection } from "./engines/redis-connection.ts";
import { Batches } from "./ledger/batches.ts";
import { Books } from "./ledger/books.ts";
import { Database, type Patience } from "./ledger/database.ts";
import { Family } from "./ledger/family.ts";
import { Incidents } from "./ledger/incidents.ts";
import { JobReader } from "./ledger/job-reader.ts";
import { Ledger } from "./ledger/ledger.ts";
import { Listener } from "./ledger/listener.ts";
import { Recovery } from "./ledger/recovery.ts";
import { LedgerRetention } from "./ledger/retention.ts";
import { Steps } from "./ledger/steps.ts";
import { withDeadline } from "./observability/deadline.ts";
import { BatchSweeper } from "./producer/batch-sweeper.ts";
import { Cancellation } from "./producer/cancellation.ts";
import { Dispatcher } from "./producer/dispatcher.ts";
import { EpochWatch } from "./producer/epoch-watch.ts";
import { JobLookup } from "./producer/job-lookup.ts";
import { Producer } from "./producer/producer.ts";
import { QueueSettings } from "./producer/queue-settings.ts";
import type { Receipt } from "./producer/receipt.ts";
import { EngineReconciler } from "./producer/reconciler.ts";
import { Redrive } from "./producer/redrive.ts";
import { Relay } from "./producer/relay.ts";
import { Reminders } from "./reminders/reminders.ts";
import { ReportFileMaker } from "./reports/files.ts";
import { ReportPlanner } from "./reports/planner.ts";
import { ReportPrints } from "./reports/prints.ts";
import { ReadCounter } from "./reports/read-counter.ts";
import { ReportRecipients } from "./reports/recipients.ts";
import { RedisReportCache } from "./reports/redis-cache.ts";
import { Reports } from "./reports/reports.ts";
import { ReportResults } from "./reports/results.ts";
import { type AiSettings, createAiServices, noProviders } from "./services/ai/ai-services.ts";
import { createBlobStore } from "./services/blob-url.ts";
import { type ChannelOptions, createChannels } from "./services/channels/channels.ts";
import { PostgresDocumentStore } from "./services/document-store.ts";

/** Longest time one part may take to stop. */
const stopMs = 5_000;

/** Values only: `bin/` reads the environment, nothing below does. */
export interface RuntimeOptions {
  readonly catalog: Catalog;
  readonly databaseUrl: string;
  readonly redisUrl: string;
  /** Postgres schema of the ledger; pg-boss lives beside it. */
  readonly schema?: string;
  /** First part of every Redis key. */
  readonly redisPrefix?: string;
  readonly blobUrl: string;
  /** Where messages go; absent: nowhere. */
  readonly channels?: ChannelOptions;
  /** Holiday override files of this installation; absent: only those we ship. */
  readonly holidaysDir?: string;
  /** Model providers and budgets; default: none, and no limit. */
  readonly ai?: AiSettings;
  readonly clock: Clock;
  readonly log: Log;
  /** Kind of process, shown in pg_stat_activity. */
  readonly process: string;
  readonly poolSize?: number;
  /** How long this process waits for a Postgres that hangs. */
  readonly patience?: Partial<Patience>;
  /** This process also keeps the house: it relays what fast paths leave behind, and prunes pg-boss. The scheduler's work. */
  readonly keepsHouse: boolean;
  readonly onAccepted?: (receipt: Receipt) => void;
  /** Where the families count; default: nowhere. */
  readonly meters?: Meters;
}

/**
 * What every process is built from: stores, engines, ledger, producer, services. Started in order, stopped in reverse;
 * what is on its way is flushed before a connection closes.
 */
export class Runtime {
  readonly catalog: Catalog;
  readonly database: Database;
  readonly ledger: Ledger;
  readonly reader: JobReader;
  readonly listener: Listener;
  readonly incidents: Incidents;
  readonly settings: QueueSettings;
  readonly reconciler: EngineReconciler;
  readonly producer: Producer;
  readonly dispatcher: Dispatcher;
  readonly lookup: JobLookup;
  readonly cancellation: Cancellation;
  readonly redrive: Redrive;
  readonly redis: RedisEngine;
  readonly postgres: PostgresEngine;
  readonly services: Services;
  readonly reminders: Reminders;
  readonly steps: Steps;
  readonly clock: Clock;
  readonly log: Log;
  readonly #ai: ReturnType<typeof createAiServices>;
  /** What reports are computed by, and what their read path is built from. */
  readonly reports: {
    readonly cache: RedisReportCache;
    readonly results: ReportResults;
    readonly planner: ReportPlanner;
    readonly counter: ReadCounter;
    readonly service: Reports;
    readonly meter: ReportMeter;
    readonly prints: ReportPrints;
    readonly recipients: ReportRecipients;
  };
  readonly #cacheConnection: Redis;
  readonly #reportDatabase: Database;
  readonly #relay: Relay | null;
  readonly #batchSweeper: BatchSweeper | null;
  readonly #epochs: EpochWatch | null;
  #stopping: Promise<void> | null = null;

  constructor(options: RuntimeOptions) {
    const { catalog, clock, log, meters = silentMeters } = options;
    this.catalog = catalog;
    this.clock = clock;
    this.log = log;
    this.database = new Database({
      connectionString: options.databaseUrl,
      ...(options.schema !== undefined && { schema: options.schema }),
      max: options.poolSize ?? 10,
      name: `nightshift ${options.process}`,
      ...(options.patience && { patience: options.patience }),
      log,
    });
    this.ledger = new Ledger(this.database);
    this.incidents = new Incidents(this.database, log);
    const engineOf = (queue: QueueDefinition) => this.engineOf(queue);
    this.settings = new QueueSettings({ database: this.database, queues: catalog.queues, engineOf, log });
    const house = { recovery: new Recovery(this.database), incidents: this.incidents, settings: this.settings, log };
    this.reconciler = new EngineReconciler({
      ...house,
      queues: catalog.queues,
      engineOf,
      ledger: this.ledger,
      books: new Books(this.database),
    });
    const blobs = createBlobStore(options.blobUrl);
    this.#ai = createAiServices({
      settings: options.ai ?? noProviders,
      database: this.database,
      redisUrl: options.redisUrl,
      redisPrefix: options.redisPrefix ?? "nightshift",
      incidents: this.incidents,
      clock,
      log,
      meter: meters.ai,
    });
    this.steps = new Steps(this.database);
    this.reader = new JobReader(this.database, blobs);
    this.listener = new Listener(this.database, log);
    this.redis = new RedisEngine({
      url: options.redisUrl,
      ...(options.redisPrefix !== undefined && { prefix: options.redisPrefix }),
      log,
    });
    this.postgres = new PostgresEngine({
      connectionString: options.databaseUrl,
      schema: this.database.schema,
      log,
      supervise: options.keepsHouse,
    });
    this.dispatcher = new Dispatcher({ engineOf, ledger: this.ledger, log });
    const recipients = new ReportRecipients(this.database);
    this.producer = new Producer({
      database: this.database,
      ledger: this.ledger,
      dispatcher: this.dispatcher,
      engineOf,
      services: { blobs, ai: this.#ai, recipients },
      clock,
      log,
      ...(options.onAccepted && { onAccepted: options.onAccepted }),
    });
    this.reminders = new Reminders({
      database: this.database,
      producer: this.producer,
      holidaysDir: options.holidaysDir ?? "",
      clock,
      log,
      meter: meters.reminders,
    });
    const { producer } = this;
    this.#cacheConnection = cacheConnection(options.redisUrl, log);
    const prefix = options.redisPrefix ?? "nightshift";
    const cache = new RedisReportCache(this.#cacheConnection, prefix, () => this.redis.open);
    const results = new ReportResults(this.database);
    const meter = meters.reports;
    const planner = new ReportPlanner({ catalog, cache, results, producer, clock, log, meter });
    // Connections of their own: a slow report must not keep the ledger's statements waiting for one.
    this.#reportDatabase = new Database({
      connectionString: options.databaseUrl,
      schema: this.database.schema,
      max: 5, // the queue's slots, and one to cancel by
      name: `nightshift ${options.process} reports`,
      patience: { statementMs: minutes(5) }, // beyond the longest statementTimeoutMs: Postgres gives up first
      log,
    });
    const documents = new PostgresDocumentStore(this.database);
    const prints = new ReportPrints({ catalog, documents, producer });
    this.reports = {
      ...{ cache, results, planner, prints, recipients, meter },
      counter: new ReadCounter({ cache, clock, log }),
      service: new Reports({ catalog, database: this.#reportDatabase, results, cache, planner, clock, log, meter }),
    };
    this.services = {
      blobs,
      documents,
      retention: new LedgerRetention({ database: this.database, queues: catalog.queues, blobs, clock }),
      reconciler: this.reconciler,
      channels: createChannels(options.channels ?? {}, clock),
      outbox: this.reminders.outbox,
      ai: this.#ai,
      reports: this.reports.service,
      reportFiles: new ReportFileMaker({ catalog, results, prints, producer, reader: this.reader, blobs, clock }),
      recipients,
    };
    this.#batchSweeper = options.keepsHouse
      ? new BatchSweeper({
          batches: new Batches(this.database),
          producer: this.producer,
          catalog,
          listener: this.listener,
          log,
        })
      : null;
    const { ledger, reader, dispatcher } = this;
    const { queues } = catalog;
    this.lookup = new JobLookup({ reader, queues, engineOf });
    this.cancellation = new Cancellation({
      ledger,
      family: new Family(this.database),
      lookup: this.lookup,
      queues,
      engineOf,
    });
    this.redrive = new Redrive({ catalog, lookup: this.lookup, ledger, dispatcher, engineOf });
    this.#relay = options.keepsHouse
      ? new Relay({
          database: this.database,
          ledger,
          listener: this.listener,
          queues,
          engineOf,
          log,
        })
      : null;
    this.#epochs = options.keepsHouse
      ? new EpochWatch({
          ...house,
          store: this.redis,
          queues: this.queuesOn("redis"),
          database: this.database,
          reconciler: this.reconciler,
        })
      : null;
  }

  engineOf(queue: QueueDefinition): Engine {
    return queue.engine === "redis" ? this.redis : this.postgres;
  }

  /** The queues of one engine. */
  queuesOn(engine: EngineKind): readonly QueueDefinition[] {
    return this.catalog.queues.filter((queue) => queue.engine === engine);
  }

  async start(): Promise<void> {
    await this.listener.start();
    await this.#cacheConnection.connect().catch(() => undefined); // away: it goes on trying
    this.reports.counter.start();
    await this.redis.start(this.queuesOn("redis"));
    if (this.queuesOn("postgres").length > 0) await this.postgres.start(this.queuesOn("postgres"));
    await this.#relay?.start();
    await this.#batchSweeper?.start();
    this.#epochs?.start();
  }

  /** Where gauges of depth look: the ledger, and the engines for queues whose record is Redis. */
  depthSources() {
    return {
      queues: this.catalog.queues,
      ledger: () => this.reader.depths(),
      engine: (queue: QueueDefinition) => this.engineOf(queue).counts(queue),
    };
  }

  /** How the breakers of the model providers stand, for all workers. Rejects while Redis is away. */
  aiBreakers() {
    return this.#ai.breakers();
  }

  /** What a worker host needs to serve some of the queues. */
  workerOptions(queues: readonly QueueDefinition[]) {
    return {
      catalog: this.catalog,
      queues,
      engineOf: (queue: QueueDefinition) => this.engineOf(queue),
      ledger: this.ledger,
      listener: this.listener,
      incidents: this.incidents,
      services: this.services,
      producer: this.producer,
      steps: this.steps,
      reader: this.reader,
      clock: this.clock,
      log: this.log,
    };
  }

  /** Safe to call twice, and after a failed start. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  /** A part that fails to stop, or hangs because its store does, does not keep the others from stopping. */
  async #stop(): Promise<void> {
    const parts: readonly (readonly [string, () => Promise<unknown> | undefined])[] = [
      ["epochs", () => this.#epochs?.stop()],
      ["batchSweeper", () => this.#batchSweeper?.stop()],
      ["relay", () => this.#relay?.stop()],
      ["reads", () => this.reports.counter.stop()],
      ["producer", () => this.producer.stop()],
      ["dispatcher", () => this.dispatcher.stop()],
      ["ledger", () => this.ledger.stop()],
      ["ai", () => this.#ai.stop()],
      ["redis", () => this.redis.stop()],
      ["cache", async () => this.#cacheConnection.disconnect()],
      ["postgres", () => this.postgres.stop()],
      ["listener", () => this.listener.stop()],
      ["reports", () => this.#reportDatabase.stop()],
      ["database", () => this.database.stop()],
    ];
    for (const [part, stop] of parts)
      await withDeadline(stopMs, Promise.resolve(stop())).catch((error: Error) => {
        this.log.warn({ part, error: error.message }, "runtime.stop_failed");
      });
  }
}
