import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { generate } from "#jobs/documents/generate.job.ts";
import { chartData, niceTicks } from "#jobs/documents/templates/report/chart-data.ts";
import { example } from "#jobs/documents/templates/report/example.ts";
import { serve } from "../api/served.ts";
import { openPdf } from "../documents/pdf.ts";
import { tool } from "../rig/tools.ts";
import { countedReport, reportRig } from "./stage.ts";

const path = "/v1/reports/counted?format=pdf";

/** The objects and streams of a PDF as text. */
async function unpacked(bytes: Uint8Array): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "nightshift-pdf-"));
  try {
    await writeFile(join(folder, "in.pdf"), bytes);
    const { command, env } = await tool("qpdf");
    const args = ["--qdf", "--object-streams=disable", join(folder, "in.pdf"), "-"];
    const { stdout } = await promisify(execFile)(command, args, { env, encoding: "latin1", maxBuffer: 1 << 26 });
    return stdout;
  } finally {
    await rm(folder, { recursive: true });
  }
}

function stage(overrides: Parameters<typeof countedReport>[0] = {}) {
  const counted = countedReport({ chart: { kind: "bar", x: "tenant", y: ["n"] }, ...overrides });
  const rig = reportRig(counted.report);
  return { ...counted, rig: { ...rig, jobs: [...rig.jobs, generate], queues: [...rig.queues, generate.queue] } };
}

test("a report as PDF: its table, its chart as vectors with a description, printed once", async () => {
  const { rig } = stage();
  await using api = await serve(rig);
  await api.rig.work();
  const response = await api.fetch(`${path}&n=42&wait=60s`);
  assert.equal(response.status, 200);
  assert.equal(response.headers.get("content-type"), "application/pdf");
  assert.match(response.headers.get("content-disposition")!, /filename="counted-\d{4}-\d\d-\d\d\.pdf"/);
  const bytes = new Uint8Array(await response.arrayBuffer());
  const pdf = await openPdf(bytes);
  assert.match(pdf.check, /No syntax or stream encoding errors found/);
  assert.equal(pdf.info.Title, "Counted");
  for (const text of ["Counted", "n 42", "Tenant", "acme", "Page 1 of 1"])
    assert.ok(pdf.pages[0]!.includes(text), text);
  const inside = await unpacked(bytes);
  assert.match(inside, /\/Span <<\s*\/Alt \(Bar chart: Counted\. Tenant acme\. N: highest 42/);
  assert.doesNotMatch(inside, /\/Subtype \/Image/);

  const again = await api.fetch(`${path}&n=42`);
  assert.deepEqual(new Uint8Array(await again.arrayBuffer()), bytes);
  const jobs = await api.ask("/v1/jobs?job=documents.generate");
  assert.equal(jobs.body.items.length, 1);
  const stranger = await api.fetch(`${path}&n=42&wait=60s`, { key: api.key.stranger });
  assert.match((await openPdf(new Uint8Array(await stranger.arrayBuffer()))).pages[0]!, /globex/);
});

test("a PDF that is not there in time is 202 with the job that makes it", async () => {
  const { rig } = stage();
  await using api = await serve(rig);
  await api.rig.work([rig.queues[0]!]); // nobody renders documents yet
  await api.ask("/v1/reports/counted?wait=60s");
  const { status, body, headers } = await api.ask(`${path}&wait=0s`);
  assert.equal(status, 202);
  assert.equal(headers.get("etag"), null);
  await api.rig.work([generate.queue]);
  assert.equal((await api.ask(`${body.links.job}?wait=60s`)).body.state, "completed");
  assert.equal((await api.fetch(body.links.report)).status, 200);
});

test("rows that no embedded font can draw are named by their path; JSON and CSV are served all the same", async () => {
  const { rig } = stage({ say: () => "launch 🚀" });
  await using api = await serve(rig);
  await api.rig.work();
  assert.equal((await api.ask("/v1/reports/counted?wait=60s")).body.rows[0].say, "launch 🚀");
  const { status, body } = await api.ask(`${path}&wait=60s`);
  assert.equal(status, 422);
  assert.deepEqual(
    body.errors.map((problem: { path: string; code: string }) => [problem.path, problem.code]),
    [["payload.userInputs.rows.0.say", "glyph_missing"]],
  );
});

test("a chart's data: gaps stay gaps, series beyond eight are taken together, nothing to draw is no chart", () => {
  const data = chartData(example)!;
  assert.deepEqual(data.xs, ["2026-10-01", "2026-10-02", "2026-10-03"]);
  assert.deepEqual(data.series, [
    { name: "Creatine", values: [1_118_600, 878_900, 1_358_300] },
    { name: "Omega 3", values: [719_100, 958_800, null] },
  ]);
  assert.equal(
    data.alt,
    "Line chart: Revenue by day and product. Period 2026-10-01 to 2026-10-03. " +
      "Creatine: highest 13,583.00 (2026-10-03), lowest 8,789.00 (2026-10-02). " +
      "Omega 3: highest 9,588.00 (2026-10-02), lowest 7,191.00 (2026-10-01).",
  );
  const many = Array.from({ length: 12 }, (_, index) => ({
    ...{ period: "2026-10-01", product: `p${index}`, orders: 1, revenue: 100 - index },
  }));
  const { series } = chartData({ ...example, rows: many })!;
  assert.deepEqual([series.length, series.at(-1)], [8, { name: "Others", values: [91 + 90 + 89 + 93 + 92] }]);
  assert.equal(chartData({ ...example, rows: [] }), null);
  assert.equal(chartData({ ...example, chart: undefined }), null);
});

test.for([
  [0, 0, 1, [0, 1]],
  [0, 2, 1, [0, 1, 2]],
  [0, 9, 1, [0, 2, 4, 6, 8, 10]],
  [0, 100, 0, [0, 20, 40, 60, 80, 100]],
  [-3, 12, 0, [-5, 0, 5, 10, 15]],
  [0, 0.4, 0, [0, 0.1, 0.2, 0.3, 0.4]],
] as const)("from %d to %d the axis has round steps of at least %d", ([low, high, least, expected]) => {
  const ticks = niceTicks(low, high, least);
  expect(ticks.length).toBe(expected.length);
  for (const [index, tick] of expected.entries()) expect(ticks[index]).toBeCloseTo(tick, 9);
});
