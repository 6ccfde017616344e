import { DelayedError, type Job, UnrecoverableError, WaitingError, Worker } from "bullmq";
import type { Redis } from "ioredis";
import type { ErrorSummary } from "#core/errors.ts";
import type { QueueDefinition } from "#core/queue.ts";
import type { Consumer, ConsumerEvents, Delivery, Verdict } from "./engine.ts";
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

/** How many ended jobs Bull Board can show of a queue whose history is in the ledger. */
const boardWindow = { count: 1_000, age: 3_600 }; // age in seconds

/** One BullMQ worker: the slots this process gives one queue. Redis outages are waited out, never fatal. */
export class RedisConsumer implements Consumer {
  readonly #worker: Worker<RedisJobData>;
  readonly #connection: Redis;
  readonly #process: (delivery: Delivery) => Promise<Verdict>;
  readonly #claims = new Map<string, AbortController>();
  #run: Promise<void> | null = null;
  #stopping: Promise<void> | null = null;

  constructor(options: {
    url: string;
    prefix: string;
    queue: QueueDefinition;
    process: (delivery: Delivery) => Promise<Verdict>;
    events: ConsumerEvents;
  }) {
    const { queue, events } = options;
    this.#process = options.process;
    this.#connection = workerConnection(options.url, events.onError);
    const inLedger = queue.durability === "ledger";
    this.#worker = new Worker<RedisJobData>(queue.name, (job, token) => this.#handle(job, token!), {
      connection: this.#connection,
      prefix: options.prefix,
      autorun: false,
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
      for (const id of ids) this.#claims.get(id)?.abort(new Error("The lease was lost"));
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
    this.#run = this.#worker.run();
  }

  async pause(): Promise<void> {
    await this.#worker.pause(true);
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#close();
    return this.#stopping;
  }

  async #close(): Promise<void> {
    await this.#worker.close();
    await this.#run;
    this.#connection.disconnect();
  }

  async #handle(job: Job<RedisJobData>, token: string): Promise<unknown> {
    const claim = new AbortController();
    this.#claims.set(job.id!, claim);
    try {
      const verdict = await this.#process({
        message: toMessage(job),
        spent: job.attemptsMade,
        // BullMQ's token names the worker's slot; with the count of starts it names this delivery.
        lease: `${token}/${job.attemptsStarted}`,
        lost: claim.signal,
      });
      return await this.#conclude(job, token, verdict);
    } finally {
      // A delivery that lost its lease may end after the next one of the same job has begun here.
      if (this.#claims.get(job.id!) === claim) this.#claims.delete(job.id!);
    }
  }

  /** BullMQ is steered by what its processor returns or throws. */
  async #conclude(job: Job<RedisJobData>, token: string, verdict: Verdict): Promise<unknown> {
    switch (verdict.kind) {
      case "complete":
        return verdict.result;
      case "drop":
        job.opts.removeOnComplete = true; // the script that ends it also deletes it
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
