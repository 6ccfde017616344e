import type { Handler } from "#core/handler.ts";
import type { ComputedReport } from "#core/services.ts";
import type { ComputeReport } from "./compute.job.ts";

export const handle: Handler<ComputeReport, ComputedReport> = ({ report, permission, params, newerThan }, ctx) =>
  ctx.services.reports.compute({ tenant: ctx.tenant, report, permission, params, newerThan }, ctx);
