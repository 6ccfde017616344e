import { z } from "zod";
import { defineReport } from "#core/report.ts";
import { checkPeriod, period, timeZone } from "./params.ts";

/** Over the demonstration data of `npm run seed`. */
export const revenue = defineReport({
  name: "revenue",
  title: "Revenue by day and product",
  summary: "Orders, quantities and revenue per day or month and product, from the demonstration data of npm run seed.",
  version: 1,
  params: z
    .strictObject({
      ...period,
      by: z.enum(["day", "month"]).default("day").describe("What a row sums up."),
      product: z.string().min(1).max(80).optional().describe("Only this product."),
      timeZone,
    })
    .superRefine(checkPeriod),
  columns: [
    { name: "period", title: "Period", type: "date" },
    { name: "product", title: "Product", type: "text" },
    { name: "currency", title: "Currency", type: "text" },
    { name: "orders", title: "Orders", type: "integer" },
    { name: "quantity", title: "Quantity", type: "integer" },
    { name: "revenue", title: "Revenue", type: "hundredths" },
  ],
  chart: { kind: "line", x: "period", y: ["revenue"], series: "product" },
  tags: () => ["demo"],
  async compute({ from, to, by, product, timeZone: zone }, { schema, query }) {
    return query(
      `select to_char(ordered_at at time zone $2, $3) as period, product, currency, count(*)::int as orders,
         sum(quantity)::float8 as quantity, sum(amount_hundredths)::float8 as revenue
       from ${schema}.demo_orders
       where tenant = $1 and ordered_at >= $4::date::timestamp at time zone $2
         and ordered_at < ($5::date + 1)::timestamp at time zone $2 and ($6::text is null or product = $6)
       group by 1, 2, 3 order by 1, 2, 3`,
      [zone, by === "day" ? "YYYY-MM-DD" : "YYYY-MM", from, to, product ?? null],
    );
  },
});
