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
  EngineJob,
  Message,
  Verdict,
} from "./engine.ts";
import { producerConnection } from "./redis-connection.ts";
import { RedisConsumer } from "./redis-consumer.ts";
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
  #connection: Redis | null = null;

  constructor(options: { url: string; prefix?: string; log: Log }) {
    this.#url = options.url;
    this.#prefix = options.prefix ?? "nightshift";
    this.#log = options.log;
  }

  async start(queues: readonly QueueDefinition[]): Promise<void> {
    if (!this.#connection) {
      const connection = producerConnection(this.#url, this.#log);
      this.#connection = connection;
      await connection.connect();
    }
    for (const queue of queues) this.queue(queue);
  }

  async stop(): Promise<void> {
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
    const queue = this.queue(definition);
    const results: Dispatched[] = [];
    for (let from = 0; from < messages.length; from += chunkSize) {
      const chunk = messages.slice(from, from + chunkSize);
      results.push(...(await Promise.all(chunk.map((message) => addOne(queue, message)))));
    }
    return results;
  }

  async remove(definition: QueueDefinition, id: string): Promise<boolean> {
    const job = await this.queue(definition).getJob(id);
    if (!job) return false;
    const state = await job.getState();
    if (state !== "waiting" && state !== "prioritized" && state !== "delayed") return false;
    return removed(job);
  }

  async forget(definition: QueueDefinition, id: string): Promise<boolean> {
    const job = await this.queue(definition).getJob(id);
    if (!job || !(job.finishedOn ?? 0)) return false;
    return removed(job);
  }

  async find(definition: QueueDefinition, id: string): Promise<EngineJob | null> {
    const job = await this.queue(definition).getJob(id);
    if (!job) return null;
    return {
      message: toMessage(job),
      state: simpleState(await job.getState()),
      spent: job.attemptsMade,
      acceptedAt: job.timestamp,
      startedAt: job.processedOn ?? null,
      finishedAt: job.finishedOn ?? null,
      result: job.returnvalue ?? null,
      error: job.failedReason ? parseReason(job.failedReason) : null,
    };
  }

  async counts(definition: QueueDefinition): Promise<EngineCounts> {
    const queue = this.queue(definition);
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

  consume(queue: QueueDefinition, process: (delivery: Delivery) => Promise<Verdict>, events: ConsumerEvents): Consumer {
    return new RedisConsumer({ url: this.#url, prefix: redisPrefix(this.#prefix, queue.name), queue, process, events });
  }

  #connected(): Redis {
    if (this.#connection) return this.#connection;
    throw new Error("Expected a started engine, found one without a connection: call start() first");
  }
}

async function addOne(queue: Queue<RedisJobData>, message: Message): Promise<Dispatched> {
  try {
    const { name, data, opts } = toBullJob(message);
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
