import { setTimeout as delay } from "node:timers/promises";
import type { Catalog } from "#core/catalog.ts";
import type { Clock } from "#core/clock.ts";
import type { Log } from "#core/handler.ts";
import type { QueueDefinition } from "#core/queue.ts";
import type { Services } from "#core/services.ts";
import type { Consumer, Delivery, Engine, Pulse, Verdict } from "../engines/engine.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { Steps } from "../ledger/steps.ts";
import type { Producer } from "../producer/producer.ts";
import { type AbandonedHandler, Attempt, type AttemptEnd, type AttemptTools } from "./attempt.ts";
import { CancelRequested, WorkerDraining } from "./interruption.ts";
import { LeaseKeeper } from "./lease-keeper.ts";
import { ThreadPool } from "./thread.ts";

export interface PoolOptions {
  readonly queue: QueueDefinition;
  readonly catalog: Catalog;
  readonly engine: Engine;
  readonly ledger: Ledger;
  readonly services: Services;
  readonly producer: Producer;
  readonly steps: Steps;
  readonly clock: Clock;
  readonly log: Log;
  readonly onEnd: (end: AttemptEnd) => void;
  readonly abandonAfterMs?: number;
  readonly onAbandoned?: (abandoned: AbandonedHandler) => void;
}

function threadModules({ catalog, queue }: PoolOptions): readonly URL[] {
  return catalog.jobs.filter((job) => job.queue === queue).flatMap((job) => job.threads ?? []);
}

/** Handlers that were interrupted get a quarter of the drain to return, within these bounds. */
const unwind = { leastMs: 1_000, mostMs: 2_000 };
/** Time to tell the engine the last verdicts and to close connections, once nothing runs any more. */
const closeMs = 1_000;

/**
 * The slots one worker process gives one queue. Stopping is soft, then hard: claim nothing more, let what runs finish
 * while there is time to interrupt the rest, then interrupt it and hand it back unspent. A settle that Postgres does not
 * take is held until the deadline. Neither waits for a store that is away any longer than that.
 */
export class WorkerPool {
  readonly queue: QueueDefinition;
  readonly #options: PoolOptions;
  readonly #tools: AttemptTools;
  #consumer: Consumer;
  readonly #retired = new Set<Promise<boolean>>();
  readonly #threads: ThreadPool | null;
  readonly #attempts = new Set<Attempt>();
  readonly #leases: LeaseKeeper;
  #idle: (() => void) | null = null;
  #stopping: Promise<boolean> | null = null;
  #takenAt: number | null = null;

  constructor(options: PoolOptions) {
    this.#options = options;
    this.#tools = { ...options, thread: (...call) => this.#thread(...call) };
    this.queue = options.queue;
    this.#leases = new LeaseKeeper({ ...options, leaseMs: options.queue.leaseMs, attempts: this.#attempts });
    this.#threads =
      options.queue.runsIn === "thread"
        ? new ThreadPool({ threads: options.queue.concurrency, warm: threadModules(options) })
        : null;
    this.#consumer = this.#consume();
  }

  #consume(): Consumer {
    const options = this.#options;
    return options.engine.consume(options.queue, (delivery) => this.#process(delivery), {
      onDead: (id, error) => {
        options.log.error({ jobId: id, queue: options.queue.name, code: error.code }, "job.given_up");
        options.ledger.bury(id, error).catch((cause: Error) => options.log.error({ err: cause }, "job.bury_failed"));
      },
      onError: (error) => options.log.warn({ queue: options.queue.name, error: error.message }, "consumer.error"),
    });
  }

  get running(): number {
    return this.#attempts.size;
  }

  /** Slots that could take a job now; 0 while it drains. */
  get free(): number {
    return this.#stopping ? 0 : Math.max(0, this.queue.concurrency - this.#attempts.size);
  }

  /** Epoch ms at which it was last given a job. */
  get takenAt(): number | null {
    return this.#takenAt;
  }

  pulse(): Pulse {
    return this.#consumer.pulse();
  }

  /** Jobs that its engine would hand to a free slot now. */
  ready(): Promise<number> {
    return this.#options.engine.ready(this.queue);
  }

  /**
   * Take work through a new consumer. The old one claims nothing more; what it holds it finishes, or loses with its
   * connection. Does not wait for the new one to be connected.
   */
  async rebuild(): Promise<void> {
    if (this.#stopping) return;
    const old = this.#consumer;
    this.#consumer = this.#consume();
    this.#consumer.start().catch((error: Error) => {
      this.#options.log.warn({ queue: this.queue.name, error: error.message }, "consumer.error");
    });
    const retirement = old.stop(old.running > 0 ? this.queue.drainMs : closeMs).finally(() => {
      this.#retired.delete(retirement);
    });
    this.#retired.add(retirement);
  }

  runningIds(): string[] {
    return [...this.#attempts].map((attempt) => attempt.jobId);
  }

  async start(): Promise<void> {
    this.#leases.start();
    await this.#consumer.start();
  }

  /** Interrupt a running job because somebody asked for it. */
  cancel(jobId: string): void {
    for (const attempt of this.#attempts) if (attempt.jobId === jobId) attempt.interrupt(new CancelRequested());
  }

  /**
   * Drain within `deadlineMs`; handlers are interrupted after the queue's own `drainMs`, if that is shorter. Interrupted
   * handlers get some time even when there is none. `false`: something was left to its lease. Safe to call twice, and
   * before `start`.
   */
  stop(deadlineMs: number): Promise<boolean> {
    this.#stopping ??= this.#drain(deadlineMs);
    return this.#stopping;
  }

  async #drain(deadlineMs: number): Promise<boolean> {
    const until = performance.now() + deadlineMs;
    const remaining = () => Math.max(0, until - performance.now());
    await this.#consumer.pause();
    const unwindMs = Math.min(unwind.mostMs, deadlineMs / 4);
    let empty = await this.#emptyWithin(Math.min(this.queue.drainMs, deadlineMs - unwindMs));
    if (!empty) {
      for (const attempt of this.#attempts) attempt.interrupt(new WorkerDraining());
      empty = await this.#emptyWithin(Math.max(unwindMs, unwind.leastMs));
    }
    if (!empty && [...this.#attempts].some((attempt) => attempt.settling)) empty = await this.#emptyWithin(remaining());
    if (!empty) {
      const jobs = [...this.#attempts].map(({ jobId, jobName: job, settling }) => ({ jobId, job, settling }));
      this.#options.log.warn({ queue: this.queue.name, jobs }, "drain.left_behind");
      for (const attempt of this.#attempts) attempt.giveUp();
    }
    this.#leases.stop();
    await this.#threads?.stop();
    const told = await this.#consumer.stop(Math.max(remaining(), closeMs));
    await Promise.race([Promise.all(this.#retired), delay(closeMs, null, { ref: false })]);
    return empty && told;
  }

  async #emptyWithin(ms: number): Promise<boolean> {
    if (this.#attempts.size === 0) return true;
    let timer: NodeJS.Timeout | undefined;
    const empty = new Promise<boolean>((resolve) => {
      this.#idle = () => resolve(true);
      timer = setTimeout(() => resolve(false), ms);
    });
    return empty.finally(() => clearTimeout(timer));
  }

  async #process(delivery: Delivery): Promise<Verdict> {
    // An engine's fetch that was under way when the drain began may still bring a job.
    if (this.#stopping) return { kind: "release" };
    this.#takenAt = this.#options.clock.now();
    const { catalog, log } = this.#options;
    const job = catalog.find(delivery.message.job);
    if (!job) {
      log.error({ jobId: delivery.message.id, job: delivery.message.job }, "job.unknown_here");
      return { kind: "snooze", delayMs: 10_000 }; // a newer release may know it: leave it to one of its workers
    }
    const attempt = new Attempt(job, delivery, this.#tools);
    this.#attempts.add(attempt);
    try {
      return await attempt.execute();
    } finally {
      this.#attempts.delete(attempt);
      if (this.#attempts.size === 0) this.#idle?.();
    }
  }

  async #thread(module: URL, input: unknown, signal: AbortSignal): Promise<unknown> {
    if (!this.#threads)
      throw new Error(`Expected a queue with runsIn "thread", found "${this.queue.name}", which runs in the loop`);
    return this.#threads.run(module, input, signal);
  }
}
