import type { PrintedReport } from "./inputs.ts";

/** A small report: the example of the reference. Light, because definitions load it. */
export const example: PrintedReport = {
  title: "Revenue by day and product",
  subtitle: "from 2026-10-01 · to 2026-10-03 · by day",
  asOf: "2026-11-20T06:00:00.000Z",
  columns: [
    { name: "period", title: "Period", type: "date" },
    { name: "product", title: "Product", type: "text" },
    { name: "orders", title: "Orders", type: "integer" },
    { name: "revenue", title: "Revenue", type: "hundredths" },
  ],
  chart: { kind: "line", x: "period", y: ["revenue"], series: "product" },
  rows: [
    { period: "2026-10-01", product: "Creatine", orders: 14, revenue: 1_118_600 },
    { period: "2026-10-01", product: "Omega 3", orders: 9, revenue: 719_100 },
    { period: "2026-10-02", product: "Creatine", orders: 11, revenue: 878_900 },
    { period: "2026-10-02", product: "Omega 3", orders: 12, revenue: 958_800 },
    { period: "2026-10-03", product: "Creatine", orders: 17, revenue: 1_358_300 },
  ],
};
