import type { z } from "zod";
import type { Clock } from "./clock.ts";
import type { JobDefinition } from "./job.ts";
import type { Priority } from "./priority.ts";
import type { Services } from "./services.ts";
import type { SqlRunner } from "./sql.ts";

/** One structured line per event: a constant `noun.verbed` message, facts in fields. Payloads and addresses stay out. */
export interface Log {
  debug(fields: object, event: string): void;
  info(fields: object, event: string): void;
  warn(fields: object, event: string): void;
  error(fields: object, event: string): void;
  child(fields: object): Log;
}

/** What a handler may say about a child. The tenant is the parent's. */
export interface ChildOptions {
  /** ISO 8601 instant; default: now. */
  readonly runAt?: string;
  readonly priority?: Priority;
  readonly deduplicationKey?: string;
  readonly expiresAt?: string;
  readonly tags?: string[];
  readonly correlationId?: string;
}

/** What a handler knows about its attempt. */
export interface HandlerContext {
  readonly jobId: string;
  readonly job: string;
  readonly tenant: string;
  /** This execution, counted from 1. Snoozed and drained executions count here, though they spend nothing. */
  readonly attempt: number;
  /** W3C `traceparent` of the request that enqueued the job, if it sent one. */
  readonly traceparent?: string;
  /** Aborted at the job's `timeoutMs`, on cancel, at the end of a drain, and when the lease is lost. */
  readonly signal: AbortSignal;
  readonly log: Log;
  readonly clock: Clock;
  readonly services: Services;
  /** Tell whoever watches how far the work is: 0 to 1, and a short public note. Cheap: written at most 4 times a second. */
  progress(fraction: number, note?: string): void;
  /**
   * Do something once, whatever happens to the attempt: the value `fn` resolves with is stored in the ledger under `name`,
   * and a later attempt gets the stored value instead of a second call. Values are JSON, at most 256 KiB. A crash between
   * the effect and its record repeats the step, so give the effect a key of its own where that matters. Rejects with
   * StepNameReused, StepValueRefused, StepNeedsLedger, or LeaseNotHeld.
   */
  step<Value>(name: string, fn: () => Promise<Value> | Value): Promise<Value>;
  /**
   * Enqueue a child of this job. It is checked now (InvalidInput) and accepted in the transaction that completes this job:
   * if the attempt does not complete, the child never was. Returns the child's id.
   */
  enqueue<Payload extends z.ZodType>(
    job: JobDefinition<Payload>,
    payload: z.input<Payload>,
    options?: ChildOptions,
  ): string;
  /**
   * Write to Postgres in a transaction that commits only while this attempt holds the job: a worker that lost its lease
   * changes nothing. Rejects with LeaseNotHeld then.
   */
  commit<Value>(write: (sql: SqlRunner) => Promise<Value>): Promise<Value>;
  /**
   * Run the exported `run(input)` of a module in one of the queue's threads; only on queues with `runsIn: "thread"`.
   * Input and output are structured clones. The thread is killed when `signal` aborts.
   */
  thread<Input, Output>(module: URL, input: Input): Promise<Output>;
}

/** Does one job. What it returns is the job's result; what it throws is read by `worker/attempt.ts` (see `outcome.ts`). */
export type Handler<Payload, Result = unknown> = (payload: Payload, ctx: HandlerContext) => Promise<Result>;

/** The shape of a `*.handler.ts` module. */
export interface HandlerModule {
  readonly handle: Handler<never>;
}
