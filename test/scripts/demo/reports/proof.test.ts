import assert from "node:assert/strict";
import { test } from "vitest";
import {
  type Read,
  type ReportEvidence,
  reportDifferences,
  type Seen,
} from "../../../../scripts/demo/reports/proof.ts";

const invalidatedAt = Date.parse("2026-11-20T08:00:01Z");

function read(asOf: string, orders: number, changes: Partial<Read> = {}): Read {
  const rows = [{ period: "2026-10", orders }];
  return { status: 200, ms: 3, asOf: `2026-11-20T${asOf}Z`, ageSeconds: 0, stale: false, rows, ...changes };
}

/** A report of which two orders were seen at first, and three after the planner. */
function seen(changes: Partial<Seen> = {}): Seen {
  return {
    question: { report: "revenue", params: {}, reads: 2 },
    first: read("08:00:00", 2),
    hits: [read("08:00:00", 2)],
    planned: { decision: "refresh", hits: 2 },
    after: read("08:00:02", 3),
    ...changes,
  };
}

const file = (text: string) => ({ status: 200, path: "x", bytes: new TextEncoder().encode(text) });

function evidence(changes: Partial<Record<keyof ReportEvidence, unknown>> = {}): ReportEvidence {
  return {
    seeded: { orders: 2, events: 0 },
    late: 1,
    invalidatedAt,
    seen: [seen()],
    planner: { id: "p", job: "reports.plan", state: "completed" },
    prepared: 1,
    computed: { byReaders: 1, afterwards: 0 },
    csv: file("period,orders\r\n2026-10,3\r\n"),
    pdf: file("%PDF-1.7"),
    ...changes,
  } as ReportEvidence;
}

test("when the planner computed what readers then got nothing differs", () => {
  assert.deepEqual(reportDifferences(evidence()), []);
});

test.each<[string, Parameters<typeof evidence>[0], RegExp]>([
  [
    "a read that had nothing to show",
    { seen: [seen({ first: read("08:00:00", 2, { status: 202, rows: [] }) })], late: 3 },
    /expected every first read to answer fresh rows/,
  ],
  ["a read that was computed again", { seen: [seen({ hits: [read("08:00:00.5", 2)] })] }, /found another result/],
  [
    "a question that the planner did not know",
    { seen: [seen({ planned: null })] },
    /expected the planner to know of 2 reads, found 0/,
  ],
  [
    "a result from before the orders",
    { seen: [seen({ after: read("08:00:00", 3) })] },
    /expected a result of after the orders without waiting, found 200/,
  ],
  [
    "a reader who had to wait",
    { seen: [seen({ after: read("08:00:02", 3, { status: 202 }) })] },
    /without waiting, found 202/,
  ],
  ["an order that is missing", { late: 2 }, /expected 2 more orders in revenue, found 1/],
  [
    "a planner that failed",
    { planner: { id: "p", job: "reports.plan", state: "dead" } },
    /reports.plan p: expected completed, found dead/,
  ],
  ["a planner that computed nothing", { prepared: 0 }, /expected the planner to ask for 1 computations, found 0/],
  ["a stampede", { computed: { byReaders: 2, afterwards: 0 } }, /expected readers to cause 1 computations, found 2/],
  ["a computation that a hit caused", { computed: { byReaders: 1, afterwards: 1 } }, /after the planner's, found 1/],
  ["a cut CSV", { csv: file("period,orders\r\n") }, /expected a CSV of 2 lines, found 200, 1 lines/],
  ["a PDF that is none", { pdf: file("{}") }, /expected a PDF/],
])("%s is named", (_, changes, expected) => {
  const found = reportDifferences(evidence(changes));
  assert.equal(found.filter((difference) => expected.test(difference)).length, 1, found.join("\n"));
});
