import { z } from "zod";
import { Catalog } from "#core/catalog.ts";
import { defineReport, type ReportContext, type ReportDefinition } from "#core/report.ts";
import { computeJob } from "#jobs/reports/compute.job.ts";
import { reports as queue } from "#queues/reports.ts";

export const salesPath = "/v1/reports/sales";
/** Rows of the report: 4 kB as it is kept and sent, which is compressed. */
const days = 365;

/** A report of a year, the same in every process. `hold`: what a computation waits for before it answers. */
export function salesReport(hold?: (context: ReportContext) => Promise<void>): ReportDefinition {
  return defineReport({
    name: "sales",
    title: "Sales by day",
    summary: "A report of the bench.",
    version: 1,
    params: z.strictObject({ year: z.coerce.number().int().default(2026) }),
    columns: [
      { name: "day", title: "Day", type: "date" },
      { name: "product", title: "Product", type: "text" },
      { name: "orders", title: "Orders", type: "integer" },
      { name: "revenue", title: "Revenue", type: "hundredths" },
    ],
    async compute({ year }, context) {
      await hold?.(context);
      const first = Date.UTC(year, 0, 1);
      return Array.from({ length: days }, (_, day) => ({
        day: new Date(first + day * 86_400_000).toISOString().slice(0, 10),
        product: ["Creatine", "Magnesium", "Omega 3"][day % 3]!,
        orders: 10 + ((day * 7) % 31),
        revenue: 100_000 + ((day * 7_919) % 900_001),
      }));
    },
  });
}

/** An installation with this report and nothing else. */
export function salesCatalog(report: ReportDefinition = salesReport()): Catalog {
  return new Catalog([computeJob([report])], [queue], [], [report]);
}
