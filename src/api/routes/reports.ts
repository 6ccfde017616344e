import { z } from "zod";
import type { Catalog } from "#core/catalog.ts";
import { InvalidInput } from "#core/errors.ts";
import { toProblems } from "#core/problems.ts";
import { type ReportDefinition, tagPattern } from "#core/report.ts";
import type { Reports } from "#core/services.ts";
import { oneTenant } from "../authenticate.ts";
import type { Operation } from "../operation.ts";
import { reportTypes } from "../report-shapes.ts";

const invalidation = z.strictObject({
  tags: z
    .array(z.string().regex(tagPattern, `Expected a tag matching ${tagPattern}`))
    .min(1)
    .max(100)
    .meta({ examples: [["documents"]] })
    .describe("Tags of reports (`GET /v1/reports`), or `report:<name>`."),
});

/** GET /v1/reports: what can be asked. POST /v1/reports/invalidations: what was computed before now is stale. */
export function reportRoutes({
  catalog,
  reports,
}: {
  catalog: Catalog;
  reports: { readonly service: Pick<Reports, "invalidate"> };
}): Operation[] {
  const list = JSON.stringify({ items: catalog.reports.map(toReportType) }); // never changes while the process lives
  return [
    {
      name: "reports.list",
      tag: "Reports",
      method: "get",
      path: "/v1/reports",
      summary: "List what can be asked",
      description: "Every report of this installation with its parameters as JSON Schema, its columns and its times.",
      needs: "read",
      answers: { 200: { description: "All of them.", schema: reportTypes } },
      problems: [],
      handle({ res }) {
        res.type("application/json").send(list);
      },
    },
    {
      name: "reports.invalidate",
      tag: "Reports",
      method: "post",
      path: "/v1/reports/invalidations",
      summary: "Say that something has changed",
      description:
        "Results of this tenant with one of these tags that were computed before now become stale: they are served once " +
        "more, marked, while they are computed again. Send it after your change is committed. Safe to repeat; after a " +
        "`503`, repeat it.",
      needs: "enqueue",
      headers: { "Nightshift-Tenant": "Whose results. Needed with a key that may act for any tenant." },
      body: invalidation,
      answers: { 204: { description: "They are stale, for readers of every process." } },
      problems: ["invalid_input", "tenant_required"],
      async handle({ res, caller, body }) {
        const tenant = oneTenant(caller);
        const { data, error } = invalidation.safeParse(body);
        if (!data)
          throw new InvalidInput(
            "The invalidation was refused",
            error.issues.flatMap((issue) => toProblems(issue, [])),
          );
        await reports.service.invalidate(tenant, data.tags);
        res.status(204).end();
      },
    },
  ];
}

function toReportType(report: ReportDefinition) {
  const { name, title, summary, version, permissions, columns, chart, ttlMs, staleMs } = report;
  const params = z.toJSONSchema(report.params, { io: "input" });
  const links = { self: `/v1/reports/${name}` };
  return {
    report: name,
    title,
    summary,
    version,
    permissions,
    params,
    columns,
    ...(chart && { chart }),
    ttlMs,
    staleMs,
    links,
  };
}
