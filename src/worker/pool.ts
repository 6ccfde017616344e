import type { Catalog } from "#core/catalog.ts";
import type { Clock } from "#core/clock.ts";
import type { Log } from "#core/handler.ts";
import type { QueueDefinition } from "#core/queue.ts";
import type { Services } from "#core/services.ts";
import type { Consumer, Delivery, Engine, Verdict } from "../engines/engine.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { Steps } from "../ledger/steps.ts";
import type { Producer } from "../producer/producer.ts";
import { Attempt, type AttemptEnd } from "./attempt.ts";
import { CancelRequested, WorkerDraining } from "./interruption.ts";
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
}

function threadModules({ catalog, queue }: PoolOptions): readonly URL[] {
  return catalog.jobs.filter((job) => job.queue === queue).flatMap((job) => job.threads ?? []);
}

/** Handlers that were interrupted get this long to return before the pool closes without them. */
const unwindMs = 2_000;

/**
 * The slots one worker process gives one queue. Stopping is soft, then hard: claim nothing more, let what runs finish
 * until the deadline, then interrupt it and hand it back unspent.
 */
export class WorkerPool {
  readonly queue: QueueDefinition;
  readonly #options: PoolOptions;
  readonly #consumer: Consumer;
  readonly #threads: ThreadPool | null;
  readonly #attempts = new Set<Attempt>();
  #idle: (() => void) | null = null;
  #stopping: Promise<void> | null = null;

  constructor(options: PoolOptions) {
    this.#options = options;
    this.queue = options.queue;
    this.#threads =
      options.queue.runsIn === "thread"
        ? new ThreadPool({ threads: options.queue.concurrency, warm: threadModules(options) })
        : null;
    this.#consumer = options.engine.consume(options.queue, (delivery) => this.#process(delivery), {
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

  runningIds(): string[] {
    return [...this.#attempts].map((attempt) => attempt.jobId);
  }

  async start(): Promise<void> {
    await this.#consumer.start();
  }

  /** Interrupt a running job because somebody asked for it. */
  cancel(jobId: string): void {
    for (const attempt of this.#attempts) if (attempt.jobId === jobId) attempt.interrupt(new CancelRequested());
  }

  /** Drain within `deadlineMs` (or the queue's own, if shorter). Safe to call twice, and before `start`. */
  stop(deadlineMs: number): Promise<void> {
    this.#stopping ??= this.#drain(Math.min(deadlineMs, this.queue.drainMs));
    return this.#stopping;
  }

  async #drain(deadlineMs: number): Promise<void> {
    await this.#consumer.pause();
    if (!(await this.#emptyWithin(deadlineMs))) {
      for (const attempt of this.#attempts) attempt.interrupt(new WorkerDraining());
      if (!(await this.#emptyWithin(unwindMs)))
        this.#options.log.warn({ queue: this.queue.name, running: this.running }, "drain.left_behind");
    }
    await this.#threads?.stop();
    await this.#consumer.stop();
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
    const { catalog, log } = this.#options;
    const job = catalog.jobs.find((candidate) => candidate.name === delivery.message.job);
    if (!job) {
      log.error({ jobId: delivery.message.id, job: delivery.message.job }, "job.unknown_here");
      return { kind: "snooze", delayMs: 10_000 }; // a newer release may know it: leave it to one of its workers
    }
    const attempt = new Attempt(job, delivery, { ...this.#options, thread: (...call) => this.#thread(...call) });
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
