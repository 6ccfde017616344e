import type { ReportDefinition } from "#core/report.ts";
import { documentsByMonth } from "./documents-by-month.report.ts";

/** Every report of this installation. A new report is a line here. */
export const reports: readonly ReportDefinition[] = [documentsByMonth];
