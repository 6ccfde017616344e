import { z } from "zod";
import { minutes, seconds } from "#core/duration.ts";
import { defineJob } from "#core/job.ts";
import { fixed } from "#core/retry.ts";
import type { Reconciliation } from "#core/services.ts";
import { operations } from "#queues/operations.ts";

export const payload = z.strictObject({});
export type Reconcile = z.infer<typeof payload>;

const count = z.int().nonnegative();

export const result = z.object({
  queues: z.array(
    z.object({
      queue: z.string(),
      reached: z.boolean().describe("False: its engine did not answer; only the books were read."),
      checked: count.describe("Open jobs looked at."),
      sentAgain: count.describe("Jobs that should have waited in the engine and did not: given to the relay."),
      attemptsLost: count.describe("Attempts whose worker and entry had vanished: closed as lost, the job sent again."),
      buried: count.describe("Jobs that the engine had given up and the ledger had not."),
      removed: count.describe("Entries of jobs that have ended: taken out of the engine."),
      accepted: count,
      completed: count,
      dead: count,
      cancelled: count,
      expired: count,
      open: count,
      missing: z.int().describe("accepted − the five before; not 0 is an incident."),
    }),
  ),
  settingsApplied: z.array(z.string()).describe("Queues whose engine had forgotten that they are paused, or not."),
}) satisfies z.ZodType<Reconciliation>;

/**
 * Compare the ledger with the engines, mend what differs, and add up the books. Enqueued every minute by its schedule.
 * Safe to repeat: whatever it changes, it changes by compare-and-set.
 */
export const reconcile = defineJob({
  name: "operations.reconcile",
  summary: "Compare the ledger with the engines, send lost jobs again, and check that none is missing.",
  queue: operations,
  enqueuedBy: "operator", // it works for all tenants
  payload,
  result,
  retry: fixed({ attempts: 3, delayMs: seconds(10) }),
  timeoutMs: minutes(10),
  handler: () => import("./reconcile.handler.ts"),
});
