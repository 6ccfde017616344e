import type { Fixture } from "../template.ts";
import { example as small } from "./example.ts";
import type { PrintedReport } from "./inputs.ts";

/** Sample reports, and requests that must be refused. */

const days = (count: number) =>
  Array.from({ length: count }, (_, index) =>
    new Date(Date.parse("2025-01-01") + index * 86_400_000).toISOString().slice(0, 10),
  );

const users: PrintedReport = {
  title: "Active users",
  asOf: "2026-11-20T06:00:00.000Z",
  columns: [
    { name: "day", title: "Day", type: "date" },
    { name: "dau", title: "Daily", type: "integer" },
    { name: "mau", title: "Monthly", type: "integer" },
    { name: "share", title: "Daily of monthly", type: "percent" },
  ],
  chart: { kind: "line", x: "day", y: ["dau", "mau"] },
  rows: days(366).map((day, index) => ({
    day,
    dau: 100 + ((index * 37) % 50),
    mau: 400 + index,
    share: index % 9 === 0 ? null : 25.5,
  })),
};

const levels: PrintedReport = {
  title: "Queue service levels",
  asOf: "2026-11-20T06:00:00.000Z",
  columns: [
    { name: "job", title: "Job", type: "text" },
    { name: "wait", title: "Wait, p95", type: "milliseconds" },
    { name: "size", title: "Size", type: "bytes" },
    { name: "change", title: "Change", type: "decimal" },
    { name: "late", title: "Late", type: "text" },
  ],
  chart: { kind: "bar", x: "job", y: ["wait", "change"] },
  rows: [
    { job: "documents.generate", wait: 12.5, size: 140_000, change: -3.25, late: false },
    { job: "रिपोर्ट तैयार करें", wait: 61_000, size: 3_500_000_000, change: 0, late: true },
    { job: "", wait: null, size: null, change: null, late: null },
  ],
};

export const fixtures: readonly Fixture[] = [
  {
    name: "small",
    userInputs: small,
    expected: {
      outcome: "rendered",
      pageCount: 1,
      text: ["Revenue by day and product", "As of 2026-11-20 06:00 UTC · 5 rows", "11,186.00", "Page 1 of 1"],
    },
  },
  {
    name: "a year of days with gaps",
    userInputs: users,
    expected: { outcome: "rendered", text: ["Active users", "25.5 %", "2025-12-31"] },
  },
  {
    name: "bars below zero, empty cells, Hindi",
    userInputs: levels,
    expected: { outcome: "rendered", pageCount: 1, text: ["−3.25", "3.5 GB", "61.0 s", "रिपोर्ट", "–"] },
  },
  {
    name: "no rows",
    userInputs: { ...small, rows: [] },
    expected: { outcome: "rendered", pageCount: 1, text: ["0 rows", "Product"] },
  },
  {
    name: "twelve series, words longer than a column",
    userInputs: {
      ...small,
      rows: Array.from({ length: 60 }, (_, index) => ({
        ...{
          period: days(5)[index % 5]!,
          product: `${index % 12} ${"W".repeat(90)}`,
          orders: index,
          revenue: index * 1e4,
        },
      })),
    },
    expected: { outcome: "rendered", text: ["Others", "WWWW"] },
  },
  {
    name: "hostile: emoji in a cell, a chart of a column that is not there, an unknown type",
    userInputs: {
      ...small,
      columns: [...small.columns, { name: "more", title: "More", type: "money" }],
      chart: { kind: "line", x: "period", y: ["nothing"] },
      rows: [{ period: "2026-10-01", product: "Rocket 🚀" }],
    },
    expected: {
      outcome: "refused",
      problems: { "columns.4.type": "invalid_value", "rows.0.product": "U+1F680" },
    },
  },
  {
    name: "hostile: a chart of a column that is not there",
    userInputs: { ...small, chart: { kind: "line", x: "period", y: ["nothing"] } },
    expected: { outcome: "refused", problems: { "chart.y": "column_unknown" } },
  },
];
