import { z } from "zod";
import { minutes } from "#core/duration.ts";
import { defineJob } from "#core/job.ts";
import { fixed } from "#core/retry.ts";
import { operations } from "#queues/operations.ts";

export const payload = z.strictObject({});
export type Prune = z.infer<typeof payload>;

export const result = z.strictObject({
  jobs: z.int().nonnegative(),
  idempotencyKeys: z.int().nonnegative(),
  sessions: z.int().nonnegative(),
  blobs: z.int().nonnegative(),
  occurrences: z.int().nonnegative().describe("Of obligations, with their messages."),
  aiCalls: z.int().nonnegative(),
});

/** Delete what is past its retention, in small batches. Safe to repeat and to stop half-way: the next run goes on. */
export const prune = defineJob({
  name: "operations.prune",
  summary:
    "Delete jobs, steps, idempotency keys, sessions, blobs and records of the families that are past their retention.",
  queue: operations,
  enqueuedBy: "operator", // it works for all tenants
  payload,
  result,
  retry: fixed({ attempts: 2, delayMs: minutes(5) }),
  timeoutMs: minutes(55), // it is enqueued every hour
  deduplicate: () => "prune",
  handler: () => import("./prune.handler.ts"),
});
