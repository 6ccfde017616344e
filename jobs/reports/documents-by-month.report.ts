import { z } from "zod";
import { hours } from "#core/duration.ts";
import { defineReport } from "#core/report.ts";
import { timeZone } from "./params.ts";

/** What the documents family made for a tenant. */
export const documentsByMonth = defineReport({
  name: "documents-by-month",
  title: "Documents by template and month",
  summary: "Versions, pages and bytes of stored documents by month and template, newest month first.",
  version: 1,
  params: z.strictObject({
    months: z.coerce.number().int().min(1).max(60).default(12).describe("This month and those before it."),
    template: z
      .string()
      .regex(/^[a-z0-9-]{1,64}$/)
      .optional()
      .describe("Only this template."),
    timeZone,
  }),
  columns: [
    { name: "month", title: "Month", type: "date" },
    { name: "template", title: "Template", type: "text" },
    { name: "documents", title: "Documents", type: "integer" },
    { name: "versions", title: "Versions", type: "integer" },
    { name: "pages", title: "Pages", type: "integer" },
    { name: "bytes", title: "Size", type: "bytes" },
  ],
  chart: { kind: "bar", x: "month", y: ["versions"], series: "template" },
  ttlMs: hours(1),
  tags: () => ["documents"],
  async compute({ months, template, timeZone: zone }, { schema, asOf, query }) {
    return query(
      `select to_char(created_at at time zone $2, 'YYYY-MM') as month, template_id as template,
         count(distinct document_id)::int as documents, count(*)::int as versions,
         sum(page_count)::float8 as pages, sum(size_bytes)::float8 as bytes
       from ${schema}.document_versions
       where tenant = $1 and ($3::text is null or template_id = $3)
         and created_at >= (date_trunc('month', $4::timestamptz at time zone $2) - ($5::int - 1) * interval '1 month')
           at time zone $2
       group by 1, 2 order by 1 desc, 2`,
      [zone, template ?? null, asOf, months],
    );
  },
});
