import type { ReportPlace } from "#core/report-key.ts";

/** The job that computes a question, by its name in the catalog: what is here imports no jobs. */
export const computeOrder = {
  job: "reports.compute",
  /** `newerThan`: the `asOf` (ms) of a result that is not new enough. */
  payload: ({ report, permission, params }: ReportPlace, newerThan: number | null) => ({
    report: report.name,
    permission,
    params,
    ...(newerThan !== null && { newerThan: new Date(newerThan).toISOString() }),
  }),
} as const;
