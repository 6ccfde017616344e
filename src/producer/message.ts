import type { Message } from "../engines/engine.ts";
import type { DueJob } from "../ledger/ledger.ts";

/** What an engine is told of a job that is recorded, or about to be. */
interface Recorded extends Pick<DueJob, "id" | "job" | "tenant" | "priority" | "retryAttempts"> {
  /** Attempts an earlier entry of the engine has counted; absent: none. */
  readonly spent?: number;
  readonly traceparent?: string | null | undefined;
}

/** A job on its way to an engine: accepted at `acceptedAt` (epoch ms), due in `delayMs`. The payload stays in the ledger. */
export function toMessage(job: Recorded, acceptedAt: number, delayMs: number): Message {
  return {
    id: job.id,
    job: job.job,
    tenant: job.tenant,
    priority: job.priority,
    attempts: Math.max(1, job.retryAttempts - (job.spent ?? 0)), // the engine counts from zero
    delayMs,
    acceptedAt,
    ...(job.traceparent && { traceparent: job.traceparent }),
  };
}

/** A row of the ledger that is due now. */
export function dueMessage(job: DueJob): Message {
  return toMessage(job, job.acceptedAt.getTime(), 0);
}
