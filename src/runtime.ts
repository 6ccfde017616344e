import type { Catalog } from "#core/catalog.ts";
import type { Clock } from "#core/clock.ts";
import type { Log } from "#core/handler.ts";
import type { EngineKind, QueueDefinition } from "#core/queue.ts";
import type { Services } from "#core/services.ts";
import type { Engine } from "./engines/engine.ts";
import { PostgresEngine } from "./engines/postgres.ts";
import { RedisEngine } from "./engines/redis.ts";
import { Database } from "./ledger/database.ts";
import { JobReader } from "./ledger/job-reader.ts";
import { Ledger } from "./ledger/ledger.ts";
import { Listener } from "./ledger/listener.ts";
import { Cancellation } from "./producer/cancellation.ts";
import { Dispatcher } from "./producer/dispatcher.ts";
import { JobLookup } from "./producer/job-lookup.ts";
import { Producer } from "./producer/producer.ts";
import type { Receipt } from "./producer/receipt.ts";
import { Redrive } from "./producer/redrive.ts";
import { Relay } from "./producer/relay.ts";
import { createBlobStore } from "./services/blob-url.ts";
import { PostgresDocumentStore } from "./services/document-store.ts";

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
  readonly clock: Clock;
  readonly log: Log;
  /** Kind of process, shown in pg_stat_activity. */
  readonly process: string;
  readonly poolSize?: number;
  /** This process also keeps the house: it relays what fast paths leave behind, and prunes pg-boss. The scheduler's work. */
  readonly keepsHouse: boolean;
  readonly onAccepted?: (receipt: Receipt) => void;
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
  readonly producer: Producer;
  readonly dispatcher: Dispatcher;
  readonly lookup: JobLookup;
  readonly cancellation: Cancellation;
  readonly redrive: Redrive;
  readonly redis: RedisEngine;
  readonly postgres: PostgresEngine;
  readonly services: Services;
  readonly clock: Clock;
  readonly log: Log;
  readonly #relay: Relay | null;
  #stopping: Promise<void> | null = null;

  constructor(options: RuntimeOptions) {
    const { catalog, clock, log } = options;
    this.catalog = catalog;
    this.clock = clock;
    this.log = log;
    this.database = new Database({
      connectionString: options.databaseUrl,
      ...(options.schema !== undefined && { schema: options.schema }),
      max: options.poolSize ?? 10,
      name: `nightshift ${options.process}`,
      log,
    });
    this.ledger = new Ledger(this.database);
    this.reader = new JobReader(this.database);
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
    const engineOf = (queue: QueueDefinition) => this.engineOf(queue);
    this.dispatcher = new Dispatcher({ engineOf, ledger: this.ledger, log });
    this.producer = new Producer({
      database: this.database,
      ledger: this.ledger,
      dispatcher: this.dispatcher,
      engineOf,
      clock,
      log,
      ...(options.onAccepted && { onAccepted: options.onAccepted }),
    });
    const { ledger, reader, dispatcher } = this;
    const { queues } = catalog;
    this.lookup = new JobLookup({ reader, queues, engineOf });
    this.cancellation = new Cancellation({ ledger, lookup: this.lookup, queues, engineOf });
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
    this.services = {
      blobs: createBlobStore(options.blobUrl),
      documents: new PostgresDocumentStore(this.database),
    };
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
    await this.redis.start(this.queuesOn("redis"));
    if (this.queuesOn("postgres").length > 0) await this.postgres.start(this.queuesOn("postgres"));
    await this.#relay?.start();
  }

  /** Where gauges of depth look: the ledger, and the engines for queues whose record is Redis. */
  depthSources() {
    return {
      queues: this.catalog.queues,
      ledger: () => this.reader.depths(),
      engine: (queue: QueueDefinition) => this.engineOf(queue).counts(queue),
    };
  }

  /** What a worker host needs to serve some of the queues. */
  workerOptions(queues: readonly QueueDefinition[]) {
    return {
      catalog: this.catalog,
      queues,
      engineOf: (queue: QueueDefinition) => this.engineOf(queue),
      ledger: this.ledger,
      listener: this.listener,
      services: this.services,
      clock: this.clock,
      log: this.log,
    };
  }

  /** Safe to call twice, and after a failed start. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #stop(): Promise<void> {
    await this.#relay?.stop();
    await this.dispatcher.stop();
    await this.ledger.stop();
    await this.redis.stop();
    await this.postgres.stop();
    await this.listener.stop();
    await this.database.stop();
  }
}
