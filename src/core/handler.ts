import type { Clock } from "./clock.ts";
import type { Services } from "./services.ts";

/** One structured line per event: a constant `noun.verbed` message, facts in fields. Payloads and addresses stay out. */
export interface Log {
  debug(fields: object, event: string): void;
  info(fields: object, event: string): void;
  warn(fields: object, event: string): void;
  error(fields: object, event: string): void;
  child(fields: object): Log;
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
