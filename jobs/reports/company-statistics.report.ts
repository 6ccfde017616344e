import { z } from "zod";
import { minutes } from "#core/duration.ts";
import { defineReport } from "#core/report.ts";

/** What is kept of each company of a tenant. */
export const companyStatistics = defineReport({
  name: "company-statistics",
  title: "Company statistics",
  summary: "Per company: documents, versions, pages and bytes, and when the first and the last were made.",
  version: 1,
  params: z.strictObject({
    company: z.uuid().optional().describe("Only this company."),
    limit: z.coerce
      .number()
      .int()
      .min(1)
      .max(1_000)
      .default(100)
      .describe("Companies, those with most documents first."),
  }),
  columns: [
    { name: "company", title: "Company", type: "text" },
    { name: "documents", title: "Documents", type: "integer" },
    { name: "versions", title: "Versions", type: "integer" },
    { name: "pages", title: "Pages", type: "integer" },
    { name: "bytes", title: "Size", type: "bytes" },
    { name: "firstOn", title: "First", type: "date" },
    { name: "lastOn", title: "Last", type: "date" },
  ],
  chart: { kind: "bar", x: "company", y: ["documents"] },
  ttlMs: minutes(5),
  tags: ({ company }) => ["documents", ...(company === undefined ? [] : [`company:${company.toLowerCase()}`])],
  async compute({ company, limit }, { schema, query }) {
    return query(
      `select d.company_id::text as company, count(distinct d.id)::int as documents, count(*)::int as versions,
         sum(v.page_count)::float8 as pages, sum(v.size_bytes)::float8 as bytes,
         to_char(min(v.created_at) at time zone 'UTC', 'YYYY-MM-DD') as "firstOn",
         to_char(max(v.created_at) at time zone 'UTC', 'YYYY-MM-DD') as "lastOn"
       from ${schema}.documents d join ${schema}.document_versions v on v.tenant = d.tenant and v.document_id = d.id
       where d.tenant = $1 and ($2::uuid is null or d.company_id = $2)
       group by d.company_id order by documents desc, company limit $3`,
      [company ?? null, limit],
    );
  },
});
