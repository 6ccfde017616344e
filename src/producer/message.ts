import type { Message } from "../engines/engine.ts";
import type { DueJob } from "../ledger/ledger.ts";

/** What an engine needs to know of a ledger row that is due now. The payload stays in the ledger. */
export function toMessage(job: DueJob): Message {
  return {
    id: job.id,
    job: job.job,
    tenant: job.tenant,
    priority: job.priority,
    attempts: Math.max(1, job.retryAttempts - job.spent), // the engine counts from zero
    delayMs: 0,
    acceptedAt: job.acceptedAt.getTime(),
    ...(job.traceparent !== null && { traceparent: job.traceparent }),
  };
}
