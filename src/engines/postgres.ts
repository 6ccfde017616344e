import { AssertionError } from "node:assert";
import { DatabaseError } from "pg";
import { PgBoss } from "pg-boss";
import type { Log } from "#core/handler.ts";
import type { QueueDefinition } from "#core/queue.ts";
import { uuidPattern } from "#core/uuid.ts";
import { BossConsumer } from "./boss-consumer.ts";
import { BossDatabase } from "./boss-database.ts";
import { toBossJob } from "./boss-job.ts";
import { BossJobs, keepSeconds, retentionSeconds } from "./boss-jobs.ts";
import type {
  Consumer,
  ConsumerEvents,
  Delivery,
  Dispatched,
  Engine,
  EngineCounts,
  EngineHold,
  EngineJob,
  Message,
  Verdict,
  WaitingPage,
} from "./engine.ts";

const insertSize = 1_000; // rows per statement

/** The control plane: pg-boss 12 in the schema `<schema>_boss`. */
export class PostgresEngine implements Engine {
  readonly kind = "postgres";
  /** Whoever reads rows to dispatch them reads them from the same store. */
  readonly open = true;
  readonly #schema: string;
  readonly #database: BossDatabase;
  readonly #boss: PgBoss;
  readonly #jobs: BossJobs;
  readonly #known = new Set<string>();
  #started: Promise<unknown> | null = null;

  /**
   * `supervise`: this process deletes ended jobs when their time is up. One process per installation must; several may,
   * they take turns. `connections`: the most this engine holds; a consumer holds one more, to listen.
   */
  constructor(options: {
    connectionString: string;
    schema: string;
    log: Log;
    supervise: boolean;
    connections?: number;
  }) {
    const { log } = options;
    this.#schema = `${options.schema}_boss`;
    this.#database = new BossDatabase({
      connectionString: options.connectionString,
      name: `nightshift ${this.#schema}`,
      connections: options.connections ?? 10,
      onError: (error) => log.warn({ error: error.message }, "postgres.connection_lost"),
    });
    this.#boss = new PgBoss({
      db: this.#database,
      schema: this.#schema,
      supervise: options.supervise,
      maintenanceIntervalSeconds: 600,
      useListenNotify: true,
      schedule: false, // schedules are Nightshift's own
      flowIntervalSeconds: 3_600, // flows are not used; the least often it can be asked to look
    });
    this.#boss.on("error", (error) => log.error({ error: error.message }, "boss.maintenance_failed"));
    this.#boss.on("warning", ({ message }) => log.warn({ warning: message }, "boss.warned"));
    this.#jobs = new BossJobs({ boss: this.#boss, database: this.#database, schema: this.#schema });
  }

  async start(queues: readonly QueueDefinition[]): Promise<void> {
    this.#started ??= this.#begin().catch((error) => {
      this.#started = null; // the next call tries again
      throw error;
    });
    await this.#started;
    for (const queue of queues) {
      if (this.#known.has(queue.name)) continue;
      const options = {
        retryLimit: 1_000_000_000, // pg-boss spends one on every claim; ours are counted in the job's data
        expireInSeconds: 86_400, // pg-boss's limit. A claim that is renewed for longer is taken away all the same
        retentionSeconds,
        deleteAfterSeconds: keepSeconds(queue.keepCompletedMs),
        notify: true,
      };
      await this.#boss.createQueue(queue.name, options);
      await this.#boss.updateQueue(queue.name, options); // one that exists may be of an older release
      // pg-boss reads a queue's options at the first use and remembers them. Now, because inside a transaction it would
      // need a second connection for that: ten transactions could then wait for the eleventh for ever.
      await this.#boss.insert(queue.name, []);
      this.#known.add(queue.name);
    }
  }

  onOpen(): () => void {
    return () => undefined;
  }

  async #begin(): Promise<void> {
    await this.#boss.start();
    await this.#jobs.createPauses();
  }

  async stop(): Promise<void> {
    await this.#started?.catch(() => {});
    await this.#boss.stop();
    await this.#database.close();
  }

  async dispatch(queue: QueueDefinition, messages: readonly Message[]): Promise<readonly Dispatched[]> {
    const results: Dispatched[] = [];
    for (let from = 0; from < messages.length; from += insertSize)
      results.push(...(await this.#dispatchChunk(queue, messages.slice(from, from + insertSize))));
    return results;
  }

  remove(queue: QueueDefinition, id: string): Promise<boolean> {
    return this.#jobs.deleteIn(["created", "retry"], queue, id);
  }

  forget(queue: QueueDefinition, id: string): Promise<boolean> {
    return this.#jobs.deleteIn(["completed", "failed", "cancelled"], queue, id);
  }

  find(queue: QueueDefinition, id: string): Promise<EngineJob | null> {
    return this.#jobs.find(queue, id);
  }

  counts(queue: QueueDefinition): Promise<EngineCounts> {
    return this.#jobs.counts(queue);
  }

  holds(queue: QueueDefinition, ids: readonly string[]): Promise<ReadonlyMap<string, EngineHold>> {
    return this.#jobs.holds(queue, ids);
  }

  waiting(queue: QueueDefinition, cursor: string | null): Promise<WaitingPage> {
    return this.#jobs.waiting(queue, cursor);
  }

  pause(queue: QueueDefinition): Promise<void> {
    return this.#jobs.pause(queue);
  }

  resume(queue: QueueDefinition): Promise<void> {
    return this.#jobs.resume(queue);
  }

  async ready(queue: QueueDefinition): Promise<number> {
    return (await this.isPaused(queue)) ? 0 : (await this.counts(queue)).waiting;
  }

  isPaused(queue: QueueDefinition): Promise<boolean> {
    return this.#jobs.isPaused(queue);
  }

  consume(queue: QueueDefinition, process: (delivery: Delivery) => Promise<Verdict>, events: ConsumerEvents): Consumer {
    return new BossConsumer({ queue, jobs: this.#jobs, database: this.#database, process, events });
  }

  async #dispatchChunk(queue: QueueDefinition, messages: readonly Message[]): Promise<readonly Dispatched[]> {
    try {
      await this.#insert(queue, messages);
      return messages.map(({ id }) => ({ ok: true, id }));
    } catch (error) {
      if (!isRefusal(error)) throw error;
      if (messages.length === 1) return [{ ok: false, error: error as Error }];
    }
    // One message that Postgres cannot hold refuses the whole statement: find it, let the others through.
    const results: Dispatched[] = [];
    for (const message of messages) results.push(...(await this.#dispatchChunk(queue, [message])));
    return results;
  }

  async #insert(queue: QueueDefinition, messages: readonly Message[]): Promise<void> {
    for (const { id } of messages)
      if (!uuidPattern.test(id)) throw new RangeError(`Expected the id of a message to be a UUID, found "${id}"`);
    const jobs = [...new Map(messages.map((message) => [message.id.toLowerCase(), toBossJob(message)])).values()];
    if (jobs.length === 1) {
      await this.#boss.insert(queue.name, jobs);
      return;
    }
    await this.#database.transaction(async (tx) => {
      // In the order of ids, so that two dispatchers with messages in common wait for each other instead of deadlocking.
      const byId = jobs.toSorted((a, b) => (a.id! < b.id! ? -1 : 1));
      const inserted = new Set(await this.#boss.insert(queue.name, byId, { db: tx, returnId: true }));
      const inOrder = jobs.map(({ id }) => id!.toLowerCase()).filter((id) => inserted.has(id));
      // pg-boss runs equal priorities by `created_on` and stamps a batch with one instant, which leaves the order inside
      // it open. This is the one write past its API: the batch gets consecutive microseconds.
      await tx.executeSql(
        `UPDATE ${this.#schema}.job AS job SET created_on = job.created_on + (place - 1) * interval '1 microsecond'
         FROM unnest($2::uuid[]) WITH ORDINALITY AS batch (id, place) WHERE job.name = $1 AND job.id = batch.id`,
        [queue.name, inOrder],
      );
    });
  }
}

/** Whether the message is at fault (its id, its size, characters that `jsonb` cannot hold) and not the store. */
function isRefusal(error: unknown): boolean {
  if (error instanceof DatabaseError) return /^(22|54)/.test(error.code ?? "");
  return error instanceof TypeError || error instanceof RangeError || error instanceof AssertionError;
}
