import { v7 as uuidv7 } from "uuid";
import type { JobDefinition } from "../../src/core/job.ts";
import type { NewJob } from "../../src/ledger/acceptance.ts";
import { tenant } from "../rig/rig.ts";

/** A row of that job for `Ledger.accept`, due now, as the producer makes it. */
export function newJob(job: JobDefinition, overrides: Partial<NewJob> = {}): NewJob {
  return {
    id: uuidv7(),
    tenant,
    job: job.name,
    queue: job.queue.name,
    priority: "normal",
    payload: { word: "hello" },
    payloadVersion: 1,
    retryAttempts: 3,
    runAt: new Date(),
    scheduled: false,
    relayGraceMs: 3_000,
    ...overrides,
  };
}
