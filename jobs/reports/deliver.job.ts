import { z } from "zod";
import { minutes, seconds } from "#core/duration.ts";
import { type FieldProblem, InvalidInput } from "#core/errors.ts";
import { defineJob } from "#core/job.ts";
import type { ReportDefinition } from "#core/report.ts";
import { recipientId, reportFormats } from "#core/report-delivery.ts";
import { placeOf } from "#core/report-key.ts";
import { exponential } from "#core/retry.ts";
import { reminders } from "#queues/reminders.ts";
import { reports } from "./report-list.ts";

/** Days that follow from the day on which the job begins, in the zone of the parameters; what has not ended is in none. */
export const relativePeriods = ["yesterday", "last-7-days", "last-week", "last-month"] as const;

export interface DeliverReport {
  readonly report: string;
  readonly params: Readonly<Record<string, unknown>>;
  readonly period?: (typeof relativePeriods)[number] | undefined;
  readonly format: (typeof reportFormats)[number];
  readonly recipients: readonly string[];
}

export const result = z.strictObject({
  fileName: z.string(),
  sizeBytes: z.int().nonnegative(),
  asOf: z.iso.datetime().describe("Instant that the rows are true of."),
  rows: z.int().nonnegative(),
  sent: z.int().positive().describe("Recipients whose mail server has taken it: all of them."),
});
export type DeliveredReport = z.infer<typeof result>;

/** The job that mails any of these reports. */
export function deliverJob(delivered: readonly ReportDefinition[]) {
  const payload = z
    .strictObject({
      report: z
        .enum(delivered.map(({ name }) => name) as [string, ...string[]])
        .describe("Its name, from `GET /v1/reports`."),
      params: z
        .record(z.string(), z.unknown())
        .default({})
        .describe("Parameters, as `GET /v1/reports` describes them."),
      period: z
        .enum(relativePeriods)
        .optional()
        .describe(
          "Instead of `from` and `to` in the parameters. A week is Monday to Sunday; `last-7-days` end yesterday.",
        ),
      format: z.enum(reportFormats).default("pdf"),
      recipients: z
        .array(recipientId)
        .min(1)
        .max(20)
        .refine((ids) => new Set(ids).size === ids.length, {
          error: "Expected each recipient once",
          params: { code: "repeated" },
        })
        .describe("Ids of `PUT /v1/reports/recipients/{id}`; each gets a message of their own."),
    })
    .check(parametersOf(delivered));
  return defineJob({
    name: "reports.deliver",
    summary: "Mail a report as CSV or PDF to its recipients.",
    queue: reminders, // messages to people; what it waits for is computed and printed on queues of its own
    enqueuedBy: "operator", // who gets a tenant's figures is not for every application to say
    payload,
    result,
    retry: exponential({ attempts: 8, firstMs: seconds(15), maxMs: minutes(30), jitter: 0.2 }), // for 2 h in all
    timeoutMs: minutes(10), // twenty mail servers that take their time
    dangling: async (order, { tenant, services, sql }) => {
      const { recipients: ids } = order as DeliverReport;
      const known = new Set((await services.recipients.find(tenant, ids, sql)).map(({ id }) => id));
      return ids.flatMap((id, index) => (known.has(id) ? [] : [unknownRecipient(index)]));
    },
    handler: () => import("./deliver.handler.ts"),
  });
}

/**
 * Mail a report to each of its recipients. Payloads name people by id, so that no queue, schedule or log has an address. Safe
 * to repeat: what was sent, and what may have been, is in the job's steps and is not sent again.
 */
export const deliver = deliverJob(reports);

/** Holds an order to the parameters of its report. */
function parametersOf(delivered: readonly ReportDefinition[]) {
  const check = z.check<unknown>(({ value, issues }) => {
    for (const { path, message, code } of parameterProblems(delivered, value))
      issues.push({ code: "custom", input: value, path: path.split("."), message, params: { code } });
  });
  check._zod.def.when = () => true; // also beside other problems, so that one answer names them all
  return check;
}

/** What is wrong with the parameters of an order, whatever else is wrong with it. */
function parameterProblems(delivered: readonly ReportDefinition[], value: unknown): readonly FieldProblem[] {
  const { report: name, params = {}, period } = (value ?? {}) as Partial<DeliverReport>;
  const report = delivered.find((one) => one.name === name);
  if (!report || typeof params !== "object" || params === null || Array.isArray(params)) return [];
  if (period === undefined) return problemsOf(report, params);
  if (!("from" in report.params.shape && "to" in report.params.shape))
    return [{ path: "period", message: "Expected none: this report has no from and to", code: "period_not_taken" }];
  const twice = ["from", "to"].filter((field) => params[field] !== undefined);
  if (twice.length > 0)
    return twice.map((field) => ({
      path: `params.${field}`,
      message: "Expected none beside a period",
      code: "contradiction",
    }));
  return problemsOf(report, { ...params, from: "2026-01-01", to: "2026-01-01" });
}

function problemsOf(report: ReportDefinition, params: object): FieldProblem[] {
  try {
    placeOf("", report, report.permissions[0]!, params);
    return [];
  } catch (error) {
    if (!(error instanceof InvalidInput)) throw error;
    return error.problems.map((problem) => ({
      ...problem,
      path: problem.path === "" ? "params" : `params.${problem.path}`,
    }));
  }
}

function unknownRecipient(index: number): FieldProblem {
  return {
    path: `recipients.${index}`,
    message: "Expected a recipient of this tenant, found none of that id",
    code: "unknown_recipient",
  };
}
