import type { Handler } from "#core/handler.ts";
import type { PreparedReports } from "#core/services.ts";
import type { PlanReports } from "./plan.job.ts";

export const handle: Handler<PlanReports, PreparedReports> = async ({ budgetMs }, ctx) => {
  const prepared = await ctx.services.reports.prepare(budgetMs, ctx.signal);
  ctx.log.info(prepared, "reports.planned");
  return prepared;
};
