import { z } from "zod";
import { minutes, seconds } from "#core/duration.ts";
import { defineJob } from "#core/job.ts";
import { fixed } from "#core/retry.ts";
import { operations } from "#queues/operations.ts";

export const payload = z.strictObject({});
export type Sweep = z.infer<typeof payload>;

export const result = z.strictObject({
  due: z.int().nonnegative().describe("Messages whose turn had come: each has a `reminders.deliver` job now."),
  lost: z.int().nonnegative().describe("Messages whose sender vanished: held as unknown, or to be sent again."),
  replanned: z.int().nonnegative().describe("Obligations planned again: time went on, or a holiday was declared."),
});

/**
 * Find the messages whose turn has come, for all tenants, and give each a job: those of this minute, and those that an outage
 * left. Enqueued every minute by the scheduler. Safe to repeat, and to run several times at once.
 */
export const sweep = defineJob({
  name: "reminders.sweep",
  summary: "Give every due reminder a job, and keep the plans of obligations long enough.",
  queue: operations, // on Postgres, and never behind the messages themselves
  enqueuedBy: "operator", // it works for all tenants
  payload,
  result,
  retry: fixed({ attempts: 3, delayMs: seconds(5) }),
  timeoutMs: minutes(10),
  deduplicate: () => "sweep",
  handler: () => import("./sweep.handler.ts"),
});
