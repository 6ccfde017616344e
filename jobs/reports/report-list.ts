import type { ReportDefinition } from "#core/report.ts";
import { activeUsers } from "./active-users.report.ts";
import { aiUsage } from "./ai-usage.report.ts";
import { companyStatistics } from "./company-statistics.report.ts";
import { complianceDashboard } from "./compliance-dashboard.report.ts";
import { documentsByMonth } from "./documents-by-month.report.ts";
import { queueServiceLevels } from "./queue-service-levels.report.ts";
import { revenue } from "./revenue.report.ts";

/** Every report of this installation. A new report is a line here. */
export const reports = [
  documentsByMonth,
  companyStatistics,
  complianceDashboard,
  aiUsage,
  queueServiceLevels,
  revenue,
  activeUsers,
] as const satisfies readonly ReportDefinition[];
