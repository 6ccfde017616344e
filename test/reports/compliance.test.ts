import assert from "node:assert/strict";
import { afterAll, beforeAll, test } from "vitest";
import { catalog } from "../../src/catalog.ts";
import { type Served, serve } from "../api/served.ts";
import { openPdf } from "../documents/pdf.ts";

let api: Served;
beforeAll(async () => {
  api = await serve({ jobs: catalog.jobs, queues: catalog.queues, reports: catalog.reports });
  await api.rig.work();
});
afterAll(() => api[Symbol.asyncDispose]());

const day = (fromToday: number) => new Date(Date.now() + fromToday * 86_400_000).toISOString().slice(0, 10);

async function oblige(
  company: string,
  kind: string,
  due: object,
  key = api.key.producer,
  more: object = {},
): Promise<string> {
  const owner = { id: "u-17", name: "Asha Rao", email: "asha@example.com" };
  const json = { title: `${kind} of ${company}`, kind, company, owner, timeZone: "UTC", due, ...more };
  const { status, body } = await api.ask("/v1/obligations", { json, key });
  assert.equal(status, 201, JSON.stringify(body));
  return body.id;
}

type Row = Record<string, string | number | null>;
async function dashboard(query = "", key = api.key.producer): Promise<Row[]> {
  const { status, body } = await api.ask(`/v1/reports/compliance-dashboard?wait=60s&stale=false&${query}`, { key });
  assert.equal(status, 200, JSON.stringify(body));
  return body.rows;
}

test("each company's counts are those of its own page, whatever is soon, before and after something is completed", async () => {
  await oblige("acme-in", "tax-return", { on: day(-40) });
  const late = await oblige("acme-in", "tax-return", { on: day(-3) });
  await oblige("acme-in", "tax-return", { rrule: "FREQ=MONTHLY;BYMONTHDAY=20" });
  await oblige("acme-in", "audit", { on: day(5) });
  await oblige("acme-in", "audit", { on: day(90) });
  await oblige("acme-us", "audit", { on: day(14) });
  const meeting = { offsets: [{ days: 0 }], overdue: null };
  await oblige("acme-in", "meeting", { on: day(-3) }, undefined, meeting);
  await oblige("acme-in", "meeting", { on: day(3) }, undefined, meeting);
  const gone = await oblige("acme-us", "audit", { on: day(-1) });
  await api.ask(`/v1/obligations/${gone}`, { method: "DELETE" });
  await oblige("globex-in", "audit", { on: day(-1) }, api.key.stranger);

  const agrees = async (dueSoonDays: number) => {
    const rows = await dashboard(`dueSoonDays=${dueSoonDays}`);
    assert.deepEqual(
      rows.map(({ company }) => company),
      ["acme-in", "acme-us"],
      "another tenant's company is not there, most overdue first",
    );
    for (const { company, pending, dueSoon: due_soon, overdue, passed, completed, total } of rows) {
      const { body } = await api.ask(`/v1/compliance/${company}?dueSoonDays=${dueSoonDays}`);
      assert.deepEqual({ pending, due_soon, overdue, passed, completed }, body.counts, `${company} ${dueSoonDays}`);
      assert.equal(total, body.total);
    }
    return rows;
  };
  for (const dueSoonDays of [0, 4, 5, 14, 366]) await agrees(dueSoonDays);

  const [before] = await agrees(14);
  assert.deepEqual([before!.overdue, before!.passed, before!.completed, before!.completedPercent], [2, 1, 0, 0]);
  assert.equal(before!.oldestOverdueOn, day(-40));
  const done = await api.ask(`/v1/obligations/${late}/complete`, { json: { evidence: "ARN 1" } });
  assert.equal(done.status, 200);
  const seen = await api.ask("/v1/reports/compliance-dashboard?dueSoonDays=14");
  assert.equal(seen.body.stale, true, "whoever reads at once is told that something has changed");
  const [after] = await agrees(14);
  assert.deepEqual([after!.overdue, after!.completed, after!.completedPercent], [1, 1, 50]);
});

test("by kind, of one company or one kind, with the next due date", async () => {
  const rows = await dashboard("by=kind&company=acme-in");
  assert.deepEqual(
    rows.map(({ company, kind }) => [company, kind]),
    [
      ["acme-in", "tax-return"],
      ["acme-in", "audit"],
      ["acme-in", "meeting"],
    ],
  );
  const [, audit] = rows;
  assert.deepEqual(
    [audit!.overdue, audit!.dueSoon, audit!.pending, audit!.nextDueOn, audit!.oldestOverdueOn, audit!.completedPercent],
    [0, 1, 1, day(5), null, null],
  );
  assert.deepEqual(
    (await dashboard("kind=audit")).map(({ company, total }) => [company, total]),
    [
      ["acme-in", 2],
      ["acme-us", 1],
    ],
  );
  assert.equal((await dashboard("limit=1")).length, 1);
  assert.deepEqual(
    (await dashboard("", api.key.stranger)).map(({ company }) => company),
    ["globex-in"],
  );
});

test("as CSV and as PDF with its chart; bad parameters are named by their paths", async () => {
  const csv = await (await api.fetch("/v1/reports/compliance-dashboard?by=kind&format=csv&wait=60s")).text();
  assert.match(
    csv,
    /^company,kind,pending,dueSoon,overdue,passed,completed,total,completedPercent,oldestOverdueOn,nextDueOn\r\n/,
  );
  assert.match(csv, /\r\nacme-in,audit,1,1,0,0,0,2,,,\d{4}-\d\d-\d\d\r\n/);
  const response = await api.fetch("/v1/reports/compliance-dashboard?format=pdf&wait=60s");
  assert.equal(response.status, 200);
  const pdf = await openPdf(new Uint8Array(await response.arrayBuffer()));
  for (const text of ["Compliance dashboard", "acme-in", "Overdue since"])
    assert.ok(pdf.pages[0]!.includes(text), text);
  const { status, body } = await api.ask("/v1/reports/compliance-dashboard?by=day&dueSoonDays=-1&company=a%20b&x=1");
  assert.equal(status, 422);
  assert.deepEqual(body.errors.map(({ path }: { path: string }) => path).sort(), ["by", "company", "dueSoonDays", "x"]);
});
