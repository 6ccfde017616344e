/** Which engine holds the waiting work: Redis (BullMQ) for the hot queues, Postgres (pg-boss) for what must go on without Redis. */
export type EngineKind = "redis" | "postgres";

/** A pacing policy. Every knob is written down where the queue is declared: a missing one does not compile. */
export interface QueueDefinition {
  /** `[a-z0-9.-]`, unique in the catalog. */
  readonly name: string;
  readonly engine: EngineKind;
  /**
   * What "accepted" rests on. `ledger`: a committed row in Postgres. `redis`: Redis has it; only for work that can
   * simply be computed again, because a lost Redis loses it.
   */
  readonly durability: "ledger" | "redis";
  /**
   * Which waiting job is next. `priority`: high before normal before low, and of one priority the first to come. `fifo`: the
   * first to come; a job that asks for a priority is refused. For floods of small jobs, where keeping priorities is a good
   * part of the price of a job (docs/bench.md).
   */
  readonly order: "priority" | "fifo";
  /** `thread` for CPU-bound work: handlers may then call `ctx.thread`, so that leases are renewed on time. */
  readonly runsIn: "loop" | "thread";
  /** Slots per worker process; for `runsIn: "thread"` also the number of threads. */
  readonly concurrency: number;
  /** How long a claim lives without renewal. */
  readonly leaseMs: number;
  /** How often a job may lose its worker before it is a dead letter. */
  readonly maxStalled: number;
  /** Starts per period over all workers of the queue, or `null` for no limit. */
  readonly rateLimit: { readonly jobs: number; readonly perMs: number } | null;
  /** How long a drain waits for this queue's running handlers before it interrupts them. */
  readonly drainMs: number;
  /** How long an ended job stays readable. */
  readonly keepCompletedMs: number;
  readonly keepFailedMs: number;
}

export const namePattern = /^[a-z][a-z0-9.-]{0,79}$/;

/** Declare a queue. Throws a RangeError that names the knob when a value cannot work. */
export function defineQueue<const Q extends QueueDefinition>(queue: Q): Q {
  const refuse = (knob: string, expected: string, found: unknown): never => {
    throw new RangeError(`Queue "${queue.name}": expected ${knob} to be ${expected}, found ${String(found)}`);
  };
  if (!namePattern.test(queue.name)) refuse("name", `${namePattern}`, queue.name);
  if (!Number.isInteger(queue.concurrency) || queue.concurrency < 1 || queue.concurrency > 1_000)
    refuse("concurrency", "an integer from 1 to 1000", queue.concurrency);
  if (!Number.isInteger(queue.leaseMs) || queue.leaseMs < 1_000)
    refuse("leaseMs", "a whole number of at least 1000 ms, or renewals cannot keep up", queue.leaseMs);
  if (!Number.isInteger(queue.maxStalled) || queue.maxStalled < 0)
    refuse("maxStalled", "an integer ≥ 0", queue.maxStalled);
  if (queue.engine === "postgres" && queue.durability === "redis")
    refuse("durability", '"ledger" on the postgres engine', queue.durability);
  if (queue.engine === "postgres" && queue.rateLimit !== null)
    refuse("rateLimit", "null on the postgres engine", "a limit");
  if (queue.rateLimit !== null && !(queue.rateLimit.jobs >= 1 && queue.rateLimit.perMs >= 1))
    refuse("rateLimit", "at least 1 job per 1 ms", JSON.stringify(queue.rateLimit));
  for (const knob of ["drainMs", "keepCompletedMs", "keepFailedMs"] as const)
    if (!(queue[knob] >= 0 && Number.isFinite(queue[knob]))) refuse(knob, "a number of milliseconds ≥ 0", queue[knob]);
  return queue;
}
