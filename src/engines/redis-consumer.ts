import { setTimeout as delay } from "node:timers/promises";
import { DelayedError, type Job, UnrecoverableError, WaitingError } from "bullmq";
import type { Redis } from "ioredis";
import type { ErrorSummary } from "#core/errors.ts";
import { LazyAbort } from "#core/lazy-abort.ts";
import type { QueueDefinition } from "#core/queue.ts";
import { BullWorker } from "./bull-worker.ts";
import type { Consumer, ConsumerEvents, Delivery, Pulse, Verdict } from "./engine.ts";
import { InHand } from "./in-hand.ts";
import { Quota } from "./quota.ts";
import { workerConnection } from "./redis-connection.ts";
import { formatReason, parseReason, type RedisJobData, toMessage } from "./redis-job.ts";

/** Thrown to BullMQ to spend an attempt; its backoff strategy reads the delay from it. */
class Retry extends Error {
  readonly delayMs: number;

  constructor(error: ErrorSummary, delayMs: number) {
    super(formatReason(error));
    this.delayMs = delayMs;
  }
}

/** Thrown to BullMQ to end a job now. */
class Dead extends UnrecoverableError {}

/** How long BullMQ may take to close by itself, once idle. */
const politeMs = 1_000;
const quietEveryMs = 20;

/** How many ended jobs Bull Board can show of a queue whose history is in the ledger. */
const boardWindow = { count: 1_000, age: 3_600 }; // age in seconds
/** So many a second each process keeps for it. Keeping one and deleting another costs Redis as much as a fifth of a job. */
const shownPerSecond = 50;

/** One BullMQ worker: the slots this process gives one queue. Redis outages are waited out, never fatal. */
export class RedisConsumer implements Consumer {
  readonly #worker: BullWorker;
  readonly #connection: Redis;
  readonly #process: (delivery: Delivery) => Promise<Verdict>;
  readonly #onError: (error: Error) => void;
  readonly #claims = new InHand<{ readonly id: string; readonly lost: LazyAbort<Error> }>();
  /** Beginning of the keys of the queue's jobs. */
  readonly #keys: string;
  #deliveries = 0;
  readonly #shown: Quota | null;
  #run: Promise<void> | null = null;
  #ended = false;
  #stopping: Promise<boolean> | null = null;

  constructor(options: {
    url: string;
    prefix: string;
    queue: QueueDefinition;
    process: (delivery: Delivery) => Promise<Verdict>;
    events: ConsumerEvents;
  }) {
    const { queue, events } = options;
    this.#process = options.process;
    this.#onError = events.onError;
    this.#keys = `${options.prefix}:${queue.name}:`;
    const inLedger = queue.durability === "ledger";
    this.#connection = workerConnection(options.url, inLedger ? "in groups" : queue.concurrency, events.onError);
    this.#shown = inLedger ? new Quota(shownPerSecond) : null;
    this.#worker = new BullWorker(queue.name, (job, token) => this.#handle(job, token!), {
      connection: this.#connection,
      prefix: options.prefix,
      autorun: false,
      runRetryDelay: 1_000, // after an error of the connection; BullMQ's default is 15 s
      concurrency: queue.concurrency,
      lockDuration: queue.leaseMs,
      // Two looks mark a job and take it: three per lease, or a dead worker's job waits out a second lease for the next one.
      stalledInterval: Math.min(Math.ceil(queue.leaseMs / 3), 30_000), // Redis takes whole milliseconds only
      maxStalledCount: queue.maxStalled,
      removeOnComplete: inLedger ? boardWindow : { age: Math.ceil(queue.keepCompletedMs / 1_000) },
      removeOnFail: { age: Math.ceil(queue.keepFailedMs / 1_000) },
      settings: { backoffStrategy: (_spent, _type, error) => (error instanceof Retry ? error.delayMs : 0) },
      ...(queue.rateLimit && { limiter: { max: queue.rateLimit.jobs, duration: queue.rateLimit.perMs } }),
    });
    this.#worker.on("error", events.onError);
    this.#worker.on("lockRenewalFailed", (ids) => {
      for (const id of ids) void this.#loseUnlessForgotten(id);
    });
    this.#worker.on("failed", (job, error) => {
      if (!job?.id || error instanceof Retry || error instanceof Dead) return;
      const reason = parseReason(error.message);
      if (reason.code === "stalled") events.onDead(job.id, reason);
      else events.onError(error); // `process` threw: its verdicts never do
    });
  }

  get running(): number {
    return this.#claims.size;
  }

  async start(): Promise<void> {
    if (this.#run || this.#stopping) return;
    await this.#worker.waitUntilReady();
    this.#run = this.#worker.run().finally(() => {
      this.#ended = true;
    });
    this.#run.catch(this.#onError);
  }

  async pause(): Promise<void> {
    await this.#worker.pause(true);
  }

  pulse(): Pulse {
    const { main, blocking } = this.#worker.connections();
    const loop = this.#ended ? "ended" : this.#run ? "running" : "not started";
    return { alive: loop === "running" && main === "ready" && blocking === "ready", seen: { loop, main, blocking } };
  }

  stop(withinMs: number): Promise<boolean> {
    this.#stopping ??= this.#close(withinMs);
    return this.#stopping;
  }

  /**
   * BullMQ's own close waits for Redis, for ever if need be. So it is asked only when nothing is in hand any more, and gets
   * a second, or none when Redis is known to be away. What cannot be told to Redis the ledger knows.
   */
  async #close(withinMs: number): Promise<boolean> {
    await this.#worker.pause(true);
    await this.#quiet(withinMs);
    const left = this.#claims.size + this.#worker.telling;
    const { main, blocking } = this.#worker.connections();
    const reachable = left === 0 && main === "ready" && blocking === "ready";
    const closing = Promise.allSettled([this.#worker.close(), this.#run]);
    const closed = await Promise.race([closing, delay(reachable ? politeMs : 0, null, { ref: false })]);
    if (!closed) await this.#worker.abandon();
    this.#connection.disconnect();
    return left === 0;
  }

  /** Resolves when no delivery is in hand and no verdict on its way, or after `ms`. */
  async #quiet(ms: number): Promise<void> {
    const until = performance.now() + ms;
    while (this.#claims.size + this.#worker.telling > 0 && performance.now() < until)
      await delay(Math.min(quietEveryMs, until - performance.now()));
  }

  /**
   * A job that Redis does not know any more (it was wiped) is in nobody else's hands: its handler may finish, and whether
   * that counts is for the ledger to say. One that Redis knows is on its way to another worker.
   */
  async #loseUnlessForgotten(id: string): Promise<void> {
    const claims = [...this.#claims].filter((claim) => claim.id === id);
    const known = await this.#connection.exists(`${this.#keys}${id}`).catch(() => 1);
    if (known) for (const { lost } of claims) lost.abort(new Error("The lease was lost"));
  }

  async #handle(job: Job<RedisJobData>, token: string): Promise<unknown> {
    // One of its own for each delivery: one that lost its lease may end after the next of the same job has begun here.
    const claim = { id: job.id!, lost: new LazyAbort<Error>() };
    this.#claims.add(claim);
    this.#deliveries += 1;
    try {
      const verdict = await this.#process({
        message: toMessage(job),
        spent: job.attemptsMade,
        // BullMQ's token names the worker's slot. Its own count of a job's starts begins anew when the job is put in anew.
        lease: `${token}/${this.#deliveries}`,
        lost: claim.lost,
      });
      if (verdict.kind !== "complete") return await this.#conclude(job, token, verdict);
      if (this.#shown?.take() === false) job.opts.removeOnComplete = true; // by the script that ends it
      return verdict.result;
    } finally {
      this.#claims.delete(claim);
    }
  }

  /** BullMQ is steered by what its processor returns or throws. */
  async #conclude(
    job: Job<RedisJobData>,
    token: string,
    verdict: Exclude<Verdict, { kind: "complete" }>,
  ): Promise<unknown> {
    switch (verdict.kind) {
      case "drop":
        job.opts.removeOnComplete = true;
        return null;
      case "retry":
        await noteDue(job, verdict.delayMs);
        throw new Retry(verdict.error, verdict.delayMs);
      case "dead":
        throw new Dead(formatReason(verdict.error));
      case "snooze":
        await noteDue(job, verdict.delayMs);
        await job.moveToDelayed(Date.now() + verdict.delayMs, token);
        throw new DelayedError();
      case "release":
        await job.moveToWait(token);
        throw new WaitingError();
    }
  }
}

/** BullMQ forgets when a delay ends once it has. For the age of what waits; so little that a failure is no matter. */
async function noteDue(job: Job<RedisJobData>, delayMs: number): Promise<void> {
  await job.updateData({ ...job.data, dueAt: Date.now() + delayMs }).catch(() => undefined);
}
