import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { LazyAbort } from "#core/lazy-abort.ts";
import type { QueueDefinition } from "#core/queue.ts";
import type { BossDatabase } from "./boss-database.ts";
import { type Claim, toMessage } from "./boss-job.ts";
import type { BossJobs } from "./boss-jobs.ts";
import type { Consumer, ConsumerEvents, Delivery, Pulse, Verdict } from "./engine.ts";

/** A delivery in hand. */
interface Held {
  readonly claim: Claim;
  readonly lost: LazyAbort<Error>;
  /** `performance.now()` when the last successful renewal was sent. */
  renewedAt: number;
  readonly done: Promise<void>;
}

const pollMs = 500; // no notification tells of a job that has become due
const errorPauseMs = 5_000; // longest pause between looks at a database that does not answer

/**
 * The slots one process gives one queue, on pg-boss. Two activities: the loop claims as many jobs as slots are free, then
 * sleeps until a slot frees, a notification comes or `pollMs` have passed; the tending, three times per lease, renews what
 * is in hand and takes back what other, dead processes hold. A Postgres outage is waited out.
 *
 * pg-boss has workers of its own (`work`); they settle a job by their own retry rules and hold their batch until its
 * slowest job is done, so they fit neither verdicts nor slots.
 */
export class BossConsumer implements Consumer {
  readonly #queue: QueueDefinition;
  readonly #jobs: BossJobs;
  readonly #database: BossDatabase;
  readonly #process: (delivery: Delivery) => Promise<Verdict>;
  readonly #events: ConsumerEvents;
  readonly #held = new Set<Held>();
  #claiming = false;
  #ended = false;
  /** Left without waiting: verdicts are not repeated any more. */
  #abandoned = false;
  #failures = 0;
  #loop: Promise<void> | null = null;
  #tending: Promise<void> | null = null;
  #tendTimer: NodeJS.Timeout | undefined;
  #stopping: Promise<boolean> | null = null;
  #unsubscribe: () => void = () => {};
  /** Somebody called while the loop was busy: it looks again before it sleeps. */
  #rung = false;
  #ring: () => void = () => {};

  constructor(options: {
    queue: QueueDefinition;
    jobs: BossJobs;
    database: BossDatabase;
    process: (delivery: Delivery) => Promise<Verdict>;
    events: ConsumerEvents;
  }) {
    this.#queue = options.queue;
    this.#jobs = options.jobs;
    this.#database = options.database;
    this.#process = options.process;
    this.#events = options.events;
  }

  get running(): number {
    return this.#held.size;
  }

  async start(): Promise<void> {
    if (this.#loop || this.#stopping) return;
    this.#claiming = true;
    this.#loop = this.#run().finally(() => {
      this.#ended = true;
    });
    this.#tendTimer = setInterval(() => this.#tend(), this.#queue.leaseMs / 3);
    this.#tend();
    this.#unsubscribe = await this.#database.onDispatch(this.#queue.name, () => this.#wake());
    if (this.#stopping) this.#unsubscribe();
  }

  async pause(): Promise<void> {
    this.#claiming = false;
    this.#wake();
    await this.#loop;
  }

  pulse(): Pulse {
    const loop = !this.#loop ? "not started" : this.#ended ? "ended" : "running";
    return { alive: loop === "running", seen: { loop, failedClaims: String(this.#failures) } };
  }

  stop(withinMs: number): Promise<boolean> {
    this.#stopping ??= this.#close(withinMs);
    return this.#stopping;
  }

  async #close(withinMs: number): Promise<boolean> {
    const finish = async () => {
      await this.pause();
      await Promise.all([...this.#held].map(({ done }) => done));
      clearInterval(this.#tendTimer); // until then what is in hand is renewed
      await this.#tending;
      return true;
    };
    const finished = await Promise.race([finish(), delay(withinMs, false, { ref: false })]);
    clearInterval(this.#tendTimer);
    this.#abandoned = !finished;
    this.#unsubscribe();
    return finished || this.#held.size === 0;
  }

  async #run(): Promise<void> {
    while (this.#claiming) {
      this.#rung = false;
      const free = this.#queue.concurrency - this.#held.size;
      if (free > 0) await this.#claim(free);
      if (this.#claiming && !this.#rung) await this.#sleep(Math.min(pollMs * (1 + this.#failures), errorPauseMs));
    }
  }

  async #claim(free: number): Promise<void> {
    try {
      const claims = await this.#jobs.claim(this.#queue, free);
      this.#failures = 0;
      for (const claim of claims) {
        // Paused while the claim was under way: nothing has begun, so it goes back as if it had not been taken.
        if (this.#claiming) this.#begin(claim);
        else await this.#settle(claim, { kind: "release" });
      }
    } catch (error) {
      this.#failures += 1;
      this.#events.onError(error as Error);
    }
  }

  #begin(claim: Claim): void {
    const { promise: done, resolve } = Promise.withResolvers<void>();
    const held: Held = { claim, lost: new LazyAbort(), renewedAt: performance.now(), done };
    this.#held.add(held);
    void this.#deliver(held).finally(() => {
      this.#held.delete(held);
      resolve();
      this.#wake();
    });
  }

  async #deliver({ claim, lost }: Held): Promise<void> {
    let verdict: Verdict;
    try {
      verdict = await this.#process({
        message: toMessage(claim),
        spent: claim.data.spent,
        lease: randomUUID(),
        lost,
      });
    } catch (error) {
      // Not a failed attempt (that is a verdict) but a fault of the worker: like a crash, the claim runs out and is
      // counted as a stall, so that it cannot repeat for ever.
      this.#events.onError(error as Error);
      return;
    }
    await this.#settle(claim, verdict);
  }

  /** Tell the verdict, through an outage of up to one lease. After that the claim is left to run out. */
  async #settle(claim: Claim, verdict: Verdict): Promise<void> {
    const deadline = performance.now() + this.#queue.leaseMs;
    for (let pauseMs = 50; performance.now() < deadline && !this.#abandoned; pauseMs = Math.min(pauseMs * 2, 1_000)) {
      try {
        const held = await this.#jobs.settle(this.#queue, claim, verdict);
        if (!held)
          this.#events.onError(new Error(`Lost the lease of job ${claim.id} before its verdict: ${verdict.kind}`));
        return;
      } catch (error) {
        this.#events.onError(error as Error);
        await delay(pauseMs);
      }
    }
  }

  #tend(): void {
    if (this.#tending) this.#giveUpExpired(); // the last renewal is still without an answer
    this.#tending ??= this.#renewAndReclaim()
      .catch(this.#events.onError)
      .finally(() => {
        this.#tending = null;
      });
  }

  async #renewAndReclaim(): Promise<void> {
    const held = [...this.#held].filter(({ lost }) => !lost.aborted);
    if (held.length > 0) await this.#renew(held);
    if (!this.#claiming) return;
    for (const { id, error } of await this.#jobs.reclaim(this.#queue)) this.#events.onDead(id, error);
  }

  async #renew(held: readonly Held[]): Promise<void> {
    const sentAt = performance.now();
    try {
      const renewed = await this.#jobs.renew(
        this.#queue,
        held.map(({ claim }) => claim),
      );
      for (const one of held) {
        if (renewed.has(one.claim)) one.renewedAt = sentAt;
        else one.lost.abort(new Error("The lease was lost"));
      }
    } catch (error) {
      this.#giveUpExpired();
      throw error;
    }
  }

  /** What could not be renewed for a whole lease may be in other hands by now. */
  #giveUpExpired(): void {
    for (const { lost, renewedAt } of this.#held)
      if (performance.now() - renewedAt > this.#queue.leaseMs) lost.abort(new Error("The lease could not be renewed"));
  }

  #wake(): void {
    this.#rung = true;
    this.#ring();
  }

  async #sleep(ms: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#ring = resolve;
    const timer = setTimeout(resolve, ms);
    await promise;
    clearTimeout(timer);
  }
}
