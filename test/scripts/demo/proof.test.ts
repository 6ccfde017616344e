import assert from "node:assert/strict";
import { test } from "vitest";
import { differences, type Evidence } from "../../../scripts/demo/proof.ts";

const report = { status: 200, ms: 1, asOf: "2026-11-20T08:00:02Z", ageSeconds: 0, stale: false, rows: [{ orders: 1 }] };
const file = (text: string) => ({ status: 200, path: "x", bytes: new TextEncoder().encode(text) });
const completed = { id: "j", job: "tests.run", state: "completed" };

/** The smallest evidence: each family's own verdict is tested beside it. */
function evidence(jobs: readonly object[], jobsOfReminders: readonly object[]): Evidence {
  return {
    documents: { made: [], verified: [], listed: 0, refusal: null, killed: null },
    reminders: { calendars: [], announced: [], mails: [], troubled: 0, jobs: jobsOfReminders },
    reports: {
      ...{ seeded: { orders: 1, events: 0 }, late: 0, invalidatedAt: 0, prepared: 1, planner: completed },
      seen: [
        { question: { report: "r", params: {}, reads: 1 }, first: report, hits: [], planned: null, after: report },
      ],
      computed: { byReaders: 1, afterwards: 0 },
      ...{ csv: file("a\r\n"), pdf: file("%PDF-") },
    },
    ai: { answered: [], calls: [], bill: { calls: 0, micros: 0, duplicates: 0, lines: [] }, spent: null },
    jobs,
  } as unknown as Evidence;
}

test("the verdict names what differs in each family", () => {
  const found = differences(evidence([completed], [])).join("\n");
  assert.match(found, /expected the bad GSTIN to be refused/);
  assert.match(found, /report r: expected the planner to know of 1 reads/);
  assert.match(found, /expected calls to openai that all failed/);
});

test("a job of any tenant that did not complete is named, also one of the hand-set house", () => {
  const found = differences(
    evidence([completed, { ...completed, id: "k", state: "dead" }], [{ ...completed, id: "l", state: "queued" }]),
  );
  const named = found.filter((difference) => /expected every accepted job to complete/.test(difference));
  assert.deepEqual(
    named.map((difference) => difference.split(":")[0]),
    ["tests.run k", "tests.run l"],
  );
});
