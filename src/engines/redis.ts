import { type Job, Queue } from "bullmq";
import type { Redis } from "ioredis";
import type { Log } from "#core/handler.ts";
import type { QueueDefinition } from "#core/queue.ts";
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
import { holdsOf, waitingPage } from "./redis-census.ts";
import { producerConnection } from "./redis-connection.ts";
import { RedisConsumer } from "./redis-consumer.ts";
import { RedisGate } from "./redis-gate.ts";
import { parseReason, type RedisJobData, toBullJob, toMessage } from "./redis-job.ts";
import { oldestDueAt } from "./redis-oldest.ts";

/**
 * Messages sent before their answers are awaited. Single adds, not `addBulk`: the client writes those of one turn together
 * all the same, a refused message rejects alone (`addBulk` swallows it), and it is 1.0 to 1.4 times as fast (20,000 jobs,
 * 5 runs in turn, 2026-11-20).
 */
const chunkSize = 500;

/** Each queue is its own hash tag, so that the queues of a Redis Cluster spread over its shards. */
export function redisPrefix(prefix: string, queue: string): string {
  return `{${prefix}:${queue}}`;
}

/** The data plane: BullMQ 6 on Redis. One shared connection for producers, which fails fast while Redis is away. */
export class RedisEngine implements Engine {
  readonly kind = "redis";
  readonly #url: string;
  readonly #prefix: string;
  readonly #log: Log;
  readonly #queues = new Map<string, Queue<RedisJobData>>();
  readonly #opened = new Set<() => void>();
  #connection: Redis | null = null;
  #gate: RedisGate | null = null;

  constructor(options: { url: string; prefix?: string; log: Log }) {
    this.#url = options.url;
    this.#prefix = options.prefix ?? "nightshift";
    this.#log = options.log;
  }

  get open(): boolean {
    return this.#gate?.open ?? false;
  }

  onOpen(run: () => void): () => void {
    this.#opened.add(run);
    return () => void this.#opened.delete(run);
  }

  async start(queues: readonly QueueDefinition[]): Promise<void> {
    if (!this.#connection) {
      const connection = producerConnection(this.#url, this.#log);
      this.#connection = connection;
      this.#gate = new RedisGate(connection, this.#log, this.#opened);
      await connection.connect().catch(() => undefined); // away: it goes on trying, and jobs wait in Postgres meanwhile
      await this.#gate.start();
    }
    for (const queue of queues) this.queue(queue);
  }

  async stop(): Promise<void> {
    this.#gate?.stop();
    this.#gate = null;
    await Promise.all([...this.#queues.values()].map((queue) => queue.close()));
    this.#queues.clear();
    const connection = this.#connection;
    this.#connection = null;
    connection?.disconnect();
  }

  /** Rejects when Redis does not answer. */
  async ping(): Promise<void> {
    await this.#connected().ping();
  }

  /** The BullMQ queue behind a definition, for the dashboard. */
  queue(definition: QueueDefinition): Queue<RedisJobData> {
    const known = this.#queues.get(definition.name);
    if (known) return known;
    const queue = new Queue<RedisJobData>(definition.name, {
      connection: this.#connected(),
      prefix: redisPrefix(this.#prefix, definition.name),
    });
    queue.on("error", (error) => this.#log.warn({ queue: definition.name, error: error.message }, "queue.error"));
    this.#queues.set(definition.name, queue);
    return queue;
  }

  async dispatch(definition: QueueDefinition, messages: readonly Message[]): Promise<readonly Dispatched[]> {
    if (messages.length <= chunkSize) return this.#dispatchChunk(definition, messages);
    const results: Dispatched[] = [];
    for (let from = 0; from < messages.length; from += chunkSize) {
      const chunk = messages.slice(from, from + chunkSize);
      results.push(...(await this.#dispatchChunk(definition, chunk)));
    }
    return results;
  }

  async remove(definition: QueueDefinition, id: string): Promise<boolean> {
    const job = await this.#reach(definition).getJob(id);
    if (!job) return false;
    const state = await job.getState();
    if (state !== "waiting" && state !== "prioritized" && state !== "delayed") return false;
    return removed(job);
  }

  async forget(definition: QueueDefinition, id: string): Promise<boolean> {
    const job = await this.#reach(definition).getJob(id);
    if (!job) return false;
    if (!(job.finishedOn ?? 0) && (await job.getState()) !== "unknown") return false;
    return removed(job);
  }

  async find(definition: QueueDefinition, id: string): Promise<EngineJob | null> {
    const queue = this.#reach(definition);
    const state = await queue.getJobState(id); // first: what is read after an end is whole
    const job = await queue.getJob(id);
    if (!job) return null;
    return {
      message: toMessage(job),
      state: simpleState(state),
      spent: job.attemptsMade,
      acceptedAt: job.timestamp,
      startedAt: job.processedOn ?? null,
      finishedAt: job.finishedOn ?? null,
      result: job.returnvalue ?? null,
      error: job.failedReason ? parseReason(job.failedReason) : null,
    };
  }

  async counts(definition: QueueDefinition): Promise<EngineCounts> {
    const queue = this.#reach(definition);
    const now = Date.now();
    const [counts, oldest] = await Promise.all([
      queue.getJobCounts("wait", "prioritized", "delayed", "active", "failed"),
      oldestDueAt(queue, this.#connected(), now),
    ]);
    return {
      waiting: (counts.wait ?? 0) + (counts.prioritized ?? 0),
      delayed: counts.delayed ?? 0,
      active: counts.active ?? 0,
      failed: counts.failed ?? 0,
      oldestWaitingMs: oldest === null ? 0 : now - oldest,
    };
  }

  async ready(definition: QueueDefinition): Promise<number> {
    const queue = this.#reach(definition);
    const limit = definition.rateLimit;
    const [waiting, due, paused, limited] = await Promise.all([
      queue.getJobCounts("wait", "prioritized"),
      this.#connected().zcount(queue.toKey("delayed"), "-inf", Date.now() * 0x1000), // BullMQ's score: ms and a sequence
      queue.isPaused(),
      limit ? queue.getRateLimitTtl(limit.jobs) : 0,
    ]);
    return paused || limited > 0 ? 0 : (waiting.wait ?? 0) + (waiting.prioritized ?? 0) + due;
  }

  async holds(definition: QueueDefinition, ids: readonly string[]): Promise<ReadonlyMap<string, EngineHold>> {
    return holdsOf(this.#connected(), this.#reach(definition).toKey(""), ids);
  }

  async waiting(definition: QueueDefinition, cursor: string | null): Promise<WaitingPage> {
    return waitingPage(this.#connected(), this.#reach(definition).toKey(""), cursor);
  }

  async pause(definition: QueueDefinition): Promise<void> {
    return this.#reach(definition).pause();
  }

  async resume(definition: QueueDefinition): Promise<void> {
    return this.#reach(definition).resume();
  }

  async isPaused(definition: QueueDefinition): Promise<boolean> {
    return this.#reach(definition).isPaused();
  }

  /**
   * The epoch that each queue's part of Redis remembers; `null`: none, because it is new or was wiped. One key per queue,
   * because the queues of a cluster live on several shards, and each can be lost alone.
   */
  async epochs(definitions: readonly QueueDefinition[]): Promise<ReadonlyMap<string, string | null>> {
    const connection = this.#connected();
    const found = await Promise.all(definitions.map(({ name }) => connection.get(epochKey(this.#prefix, name))));
    return new Map(definitions.map(({ name }, index) => [name, found[index] ?? null]));
  }

  async setEpoch({ name }: QueueDefinition, epoch: string): Promise<void> {
    await this.#connected().set(epochKey(this.#prefix, name), epoch);
  }

  /** Names this run of the Redis server: another one after every restart. */
  async runId(): Promise<string> {
    const info = await this.#connected().info("server");
    return /^run_id:(\w+)/m.exec(info)?.[1] ?? "";
  }

  consume(queue: QueueDefinition, process: (delivery: Delivery) => Promise<Verdict>, events: ConsumerEvents): Consumer {
    return new RedisConsumer({ url: this.#url, prefix: redisPrefix(this.#prefix, queue.name), queue, process, events });
  }

  #connected(): Redis {
    if (this.#connection) return this.#connection;
    throw new Error("Expected a started engine, found one without a connection: call start() first");
  }

  async #dispatchChunk(definition: QueueDefinition, messages: readonly Message[]): Promise<readonly Dispatched[]> {
    const gate = this.#gate;
    if (gate && !gate.open) return messages.map(() => ({ ok: false, error: gate.refusal() }));
    const queue = this.#reach(definition);
    const results = await Promise.all(messages.map((message) => addOne(queue, message, definition.order)));
    for (const result of results) if (!result.ok) gate?.failed(result.error);
    return results;
  }

  /** The queue, if Redis can be asked: one that was never reached would let its callers wait for the first connection. */
  #reach(definition: QueueDefinition): Queue<RedisJobData> {
    if (this.#connected().status !== "ready") throw new Error("Expected a connection to Redis, found none");
    return this.queue(definition);
  }
}

const epochKey = (prefix: string, queue: string): string => `${redisPrefix(prefix, queue)}:epoch`;

async function addOne(
  queue: Queue<RedisJobData>,
  message: Message,
  order: QueueDefinition["order"],
): Promise<Dispatched> {
  try {
    const { name, data, opts } = toBullJob(message, order);
    const { id } = await queue.add(name, data, opts);
    if (typeof id === "string") return { ok: true, id };
    return { ok: false, error: new Error(`Expected Redis to take job ${message.id}, it answered ${id}`) };
  } catch (error) {
    return { ok: false, error: error as Error };
  }
}

function simpleState(state: string): EngineJob["state"] {
  if (state === "active" || state === "completed" || state === "failed" || state === "delayed") return state;
  return "waiting";
}

/** `remove` rejects when a worker locked the job meanwhile: then it is no longer ours to take. */
async function removed(job: Job): Promise<boolean> {
  try {
    await job.remove();
    return true;
  } catch {
    return false;
  }
}
