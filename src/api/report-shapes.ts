import { z } from "zod";
import { reportPermissions } from "#core/report.ts";

/** What the routes of reports answer, as schemas for the OpenAPI document. */

const instant = z.iso.datetime().describe("ISO 8601, UTC.");
const name = z.string().meta({ examples: ["documents-by-month"] });
const cell = z.union([z.string(), z.number(), z.boolean(), z.null()]);

const column = z
  .object({
    name: z.string().describe("Field of a row."),
    title: z.string(),
    type: z
      .enum(["text", "date", "integer", "decimal", "hundredths", "percent", "milliseconds", "bytes"])
      .describe("`hundredths`: an integer of hundredths of a unit. `percent`: 0 to 100. `date`: a day or a month."),
  })
  .meta({ id: "ReportColumn" });

const chart = z
  .object({
    kind: z.enum(["bar", "line"]),
    x: z.string(),
    y: z.array(z.string()),
    series: z.string().exactOptional(),
  })
  .meta({ id: "ReportChart", description: "How the PDF draws it: columns by name." });

export const reportTypes = z.object({
  items: z.array(
    z
      .object({
        report: name,
        title: z.string(),
        summary: z.string(),
        version: z.int(),
        permissions: z.array(z.enum(reportPermissions)).describe("Who may read it, weakest first."),
        params: z.record(z.string(), z.unknown()).describe("JSON Schema of the query parameters."),
        columns: z.array(column),
        chart: chart.exactOptional(),
        ttlMs: z.number().describe("How long a result is fresh."),
        staleMs: z.number().describe("How much longer it is served, marked as stale."),
        links: z.object({ self: z.string() }),
      })
      .meta({ id: "ReportType" }),
  ),
});

export const reportAnswer = z
  .object({
    stale: z.boolean().describe("It is past `freshUntil`, or was invalidated; a new one is being computed."),
    warning: z
      .object({ code: z.string().describe("Permanent."), message: z.string(), failedAt: instant })
      .exactOptional()
      .describe("The last computation failed: this is the result before it."),
    report: name,
    version: z.int(),
    title: z.string(),
    params: z.record(z.string(), z.unknown()).describe("As they were understood, defaults filled in."),
    asOf: instant.describe("Instant that the rows are true of."),
    freshUntil: instant,
    columns: z.array(column),
    chart: chart.exactOptional(),
    rows: z.array(z.record(z.string(), cell)),
  })
  .meta({ id: "Report" });

export const computingReport = z
  .object({
    jobId: z.uuid(),
    links: z.object({ job: z.string(), report: z.string().describe("Ask again here.") }),
  })
  .meta({ id: "ComputingReport" });

export const reportPlan = z.object({
  at: instant,
  budgetMs: z.number().describe("Database time that a run may plan for."),
  plannedMs: z.number().describe("Expected database time of what it would refresh, of all tenants."),
  tenantShare: z.number().describe("Part of the budget that one tenant may take."),
  leadMs: z.number().describe("How long before its end a result is refreshed; half its ttl at the most."),
  minHits: z.number().describe("Questions below this are left to their readers."),
  halfLifeMs: z.number().describe("A read counts half as much after this."),
  items: z
    .array(
      z
        .object({
          tenant: z.string(),
          report: name,
          permission: z.enum(reportPermissions),
          params: z.record(z.string(), z.unknown()),
          decision: z.enum([
            "refresh",
            "fresh",
            "unpopular",
            "being-computed",
            "failed-lately",
            "over-budget",
            "over-tenant-share",
          ]),
          hits: z.number().describe("Reads, fading by half-life."),
          expectedMs: z
            .number()
            .describe("Database time: the mean of the last computations, recent ones counting more."),
          savesMs: z.number().describe("Waiting that a refresh saves readers: hits × expectedMs."),
          asOf: instant.nullable(),
          freshUntil: instant.nullable(),
        })
        .meta({ id: "PlannedReport" }),
    )
    .describe("Most worthwhile first."),
});
