import { z } from "zod";
import { Catalog } from "#core/catalog.ts";
import { hours, minutes, seconds } from "#core/duration.ts";
import { defineJob } from "#core/job.ts";
import { defineQueue } from "#core/queue.ts";
import { fixed } from "#core/retry.ts";

/** Where the jobs of a proof wait; nobody takes them. */
const queue = defineQueue({
  name: "proof",
  engine: "redis",
  durability: "ledger",
  order: "priority",
  runsIn: "loop",
  concurrency: 1,
  leaseMs: seconds(30),
  maxStalled: 1,
  rateLimit: null,
  drainMs: seconds(1),
  keepCompletedMs: hours(1),
  keepFailedMs: hours(1),
});

/** The job of every schedule of a proof. It is counted, not run. */
export const proofJob = defineJob({
  name: "proof.tick",
  summary: "The job of a schedule of a proof.",
  queue,
  payload: z.strictObject({}),
  result: z.null(),
  retry: fixed({ attempts: 1, delayMs: 0 }),
  timeoutMs: minutes(1),
  handler: () => Promise.reject(new Error("Expected nobody to run the jobs of a proof")),
});

export const proofCatalog = new Catalog([proofJob], [queue]);
