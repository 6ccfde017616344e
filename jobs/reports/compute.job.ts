import { z } from "zod";
import { minutes, seconds } from "#core/duration.ts";
import { defineJob } from "#core/job.ts";
import type { ReportDefinition } from "#core/report.ts";
import { placeOf } from "#core/report-key.ts";
import { exponential } from "#core/retry.ts";
import type { ComputedReport } from "#core/services.ts";
import { reports as queue } from "#queues/reports.ts";
import { reports } from "./report-list.ts";

export interface ComputeReport {
  readonly report: string;
  readonly permission?: ReportDefinition["permissions"][number] | undefined;
  readonly params?: unknown;
  readonly newerThan?: string | undefined;
}

export const result = z.strictObject({
  computed: z.boolean().describe("False: a fresh result was there already."),
  asOf: z.iso.datetime().describe("Instant that the result is true of."),
  rows: z.int().nonnegative(),
  tookMs: z.number().nonnegative().describe("Time in the database."),
  sizeBytes: z.int().positive().describe("As it is kept: compressed above 1 KiB."),
}) satisfies z.ZodType<ComputedReport>;

/** The job that computes any of these reports. */
export function computeJob(computed: readonly ReportDefinition[]) {
  const [first, ...others] = computed.map((report) =>
    z.strictObject({
      report: z.literal(report.name),
      params: report.params.prefault({}),
      permission: z
        .enum(report.permissions as readonly [ReportDefinition["permissions"][number]])
        .optional()
        .describe("For which readers. Default: the weakest permission that may read it."),
      newerThan: z.iso
        .datetime({ offset: true })
        .optional()
        .describe("`asOf` of a result that is not new enough. Default: any fresh result will do."),
    }),
  );
  const payload = z.discriminatedUnion("report", [first!, ...others]);
  return defineJob({
    name: "reports.compute",
    summary: "Compute a report and keep its result, unless a fresh one is there.",
    queue,
    payload,
    result,
    retry: exponential({ attempts: 3, firstMs: seconds(1), maxMs: seconds(30), jitter: 0.2 }),
    timeoutMs: minutes(5),
    // One question has one living computation, however many ask and however they write it.
    deduplicate: (order) => {
      const { report: name, params, permission } = order as ComputeReport;
      const report = computed.find((one) => one.name === name)!;
      return placeOf("", report, permission ?? report.permissions[0]!, params).key;
    },
    handler: () => import("./compute.handler.ts"),
  });
}

/**
 * Compute a report in a read-only transaction and keep its result in Postgres and Redis. Safe to repeat: a result that is
 * fresh is left as it is, and of two computations only the holder of the newest lease can store.
 */
export const compute = computeJob(reports);
