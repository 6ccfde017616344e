import { z } from "zod";
import { minutes, seconds } from "#core/duration.ts";
import { defineJob } from "#core/job.ts";
import { fixed } from "#core/retry.ts";
import type { PreparedReports } from "#core/services.ts";
import { operations } from "#queues/operations.ts";

export const payload = z.strictObject({
  budgetMs: z.int().min(0).max(minutes(60)).default(seconds(30)).describe("Database time that this run may plan for."),
});
export type PlanReports = z.infer<typeof payload>;

export const result = z.strictObject({
  considered: z.int().nonnegative().describe("Questions looked at."),
  refreshed: z.int().nonnegative().describe("Computations enqueued, or already on their way."),
  budgetMs: z.number().nonnegative(),
  plannedMs: z.number().nonnegative().describe("Expected database time of those."),
}) satisfies z.ZodType<PreparedReports>;

/**
 * Enqueue computations of popular results that are about to expire. Enqueued every five minutes by the scheduler. Safe to
 * repeat. On `operations`, so that a backlog of computations does not hold up what decides about them.
 */
export const planReports = defineJob({
  name: "reports.plan",
  summary: "Compute popular reports before they expire, within a budget of database time.",
  queue: operations,
  enqueuedBy: "operator", // it works for all tenants
  payload,
  result,
  retry: fixed({ attempts: 2, delayMs: seconds(30) }),
  timeoutMs: minutes(4),
  deduplicate: () => "plan",
  handler: () => import("./plan.handler.ts"),
});
