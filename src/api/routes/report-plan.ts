import { z } from "zod";
import { halfLifeMs } from "../../reports/decay.ts";
import type { Planned } from "../../reports/plan.ts";
import { defaultBudgetMs, type ReportPlanner } from "../../reports/planner.ts";
import { type Operation, parseQuery } from "../operation.ts";
import { reportPlan } from "../report-shapes.ts";

const query = z.strictObject({
  budgetMs: z.coerce
    .number()
    .int()
    .min(0)
    .max(3_600_000)
    .default(defaultBudgetMs)
    .describe("Database time to plan for, ms. Default: that of the scheduler's runs."),
});

/** GET /v1/reports/plan: which results would be computed before they expire, and why. Changes nothing. 200 · 422. */
export function reportPlanRoute({ planner }: { planner: Pick<ReportPlanner, "plan"> }): Operation {
  return {
    name: "reports.plan",
    tag: "Reports",
    method: "get",
    path: "/v1/reports/plan",
    summary: "Explain what is kept ready",
    description:
      "What a run of the planner would do now with every question that was asked lately, and why. The budget is shared by " +
      "all tenants; a key of one tenant sees that tenant's questions. A tenant may take half of the budget.",
    needs: "read",
    query,
    answers: { 200: { description: "The plan.", schema: reportPlan } },
    problems: ["invalid_input"],
    async handle({ req, res, caller }) {
      const { budgetMs } = parseQuery(query, req);
      const { terms, items } = await planner.plan(budgetMs);
      const { now, tenantShare, leadMs, minHits } = terms;
      const refreshed = items.filter(({ decision }) => decision === "refresh");
      const seen = items.filter(({ place }) => caller.actsFor === null || place.tenant === caller.actsFor);
      res.json({
        at: new Date(now).toISOString(),
        budgetMs,
        plannedMs: Math.round(refreshed.reduce((sum, { expectedMs }) => sum + expectedMs, 0)),
        ...{ tenantShare, leadMs, minHits, halfLifeMs },
        items: seen.map(toItem),
      });
    },
  };
}

function toItem({ place, decision, hits, expectedMs, savesMs, asOf, freshUntil }: Planned) {
  const { tenant, report, permission, params } = place;
  const instant = (ms: number | null) => (ms === null ? null : new Date(ms).toISOString());
  return {
    ...{ tenant, report: report.name, permission, params, decision },
    hits: Math.round(hits * 100) / 100,
    expectedMs: Math.round(expectedMs),
    savesMs: Math.round(savesMs),
    asOf: instant(asOf),
    freshUntil: instant(freshUntil),
  };
}
