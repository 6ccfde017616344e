import { z } from "zod";
import { minutes, seconds } from "#core/duration.ts";
import { defineJob } from "#core/job.ts";
import { exponential } from "#core/retry.ts";
import { reminders } from "#queues/reminders.ts";

export const payload = z.strictObject({
  deliveryId: z.uuid().describe("A planned message: its row has the rest."),
});
export type Deliver = z.infer<typeof payload>;

export const result = z.strictObject({
  state: z
    .enum(["planned", "sent", "failed", "unknown", "suppressed", "superseded"])
    .describe("What the message is now."),
});
export type Delivered = z.infer<typeof result>;

/**
 * Send one message of a reminder. Enqueued by `reminders.sweep`. Safe to repeat: who sends is decided by the message's row,
 * and one whose sending was interrupted is sent again only on a channel that makes two of it one.
 */
export const deliver = defineJob({
  name: "reminders.deliver",
  summary: "Send one planned message by e-mail, Slack or PagerDuty.",
  queue: reminders,
  enqueuedBy: "operator", // the sweep knows whose turn it is
  payload,
  result,
  retry: exponential({ attempts: 8, firstMs: seconds(15), maxMs: minutes(30), jitter: 0.2 }), // for 2 h in all
  timeoutMs: seconds(60),
  deduplicate: ({ deliveryId }) => deliveryId,
  handler: () => import("./deliver.handler.ts"),
});
