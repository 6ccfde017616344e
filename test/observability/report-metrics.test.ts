import assert from "node:assert/strict";
import { test } from "vitest";
import { ManualClock } from "../../src/core/clock.ts";
import { hours, minutes } from "../../src/core/duration.ts";
import { FamilyMeters } from "../../src/observability/family-meters.ts";
import { Metrics } from "../../src/observability/metrics.ts";
import { ReportPlanner } from "../../src/reports/planner.ts";
import { serve } from "../api/served.ts";
import { silentLog } from "../engines/subject.ts";
import { countedReport, reportRig } from "../reports/stage.ts";
import { gate } from "../rig/jobs.ts";
import { tenant } from "../rig/rig.ts";
import { sample } from "./page.ts";

const path = "/v1/reports/counted";
const named = { report: "counted", tenant };
const page = (families: FamilyMeters) => new Metrics({ log: silentLog, families }).text();

test("reads are counted by how they were answered: hit, stale, wait, miss, unavailable", async () => {
  const families = new FamilyMeters();
  const open = gate();
  const { report } = countedReport({
    work: async ({ n }, { query }) => {
      if (n === 5) await open.promise;
      if (n === 9) await query("select no_such_column, $1::text");
    },
  });
  await using api = await serve({ ...reportRig(report), meters: families });
  await api.rig.work();
  assert.equal((await api.ask(`${path}?n=1&wait=60s`)).status, 200); // wait
  for (const _ of [1, 2]) assert.equal((await api.ask(`${path}?n=1`)).body.stale, false); // hit
  assert.equal((await api.ask(`${path}?n=5`)).status, 202); // miss
  open.open();
  await api.rig.runtime.reports.service.invalidate(tenant, ["report:counted"]);
  assert.equal((await api.ask(`${path}?n=1&stale=true`)).body.stale, true); // stale
  assert.equal((await api.ask(`${path}?n=9&wait=60s`)).status, 503); // unavailable

  const text = await page(families);
  const reads = (outcome: string) => sample(text, "nightshift_report_reads_total", { ...named, outcome });
  assert.deepEqual(["hit", "stale", "wait", "miss", "unavailable"].map(reads), [2, 1, 1, 1, 1]);
});

test("computations are counted by outcome and timed, those that fail too; a needless one is not timed", async () => {
  const families = new FamilyMeters();
  const { report } = countedReport({
    statementTimeoutMs: 50,
    work: async ({ n }, { query }) => {
      if (n === 3) await query("select pg_sleep(60), $1::text");
    },
  });
  await using api = await serve({ ...reportRig(report), meters: families });
  const { rig } = api;
  await rig.work();
  for (const n of [1, 1, 3]) {
    const job = rig.runtime.catalog.get("reports.compute");
    await rig.settled((await rig.runtime.producer.enqueue(tenant, job, { report: "counted", params: { n } })).id);
  }
  const text = await page(families);
  const count = (outcome: string) => sample(text, "nightshift_report_computations_total", { ...named, outcome });
  assert.deepEqual(["computed", "needless", "timed-out", "failed"].map(count), [1, 1, 1, undefined]);
  assert.equal(sample(text, "nightshift_report_computation_seconds_count", { report: "counted" }), 2);
  assert.ok(sample(text, "nightshift_report_computation_seconds_sum", { report: "counted" })! >= 0.05);
});

test("a failed computation and one that lost its lease are told apart", async () => {
  const families = new FamilyMeters();
  const { report } = countedReport({ compute: async () => [{ tenant, n: 1, say: () => "no cell" } as never] });
  await using api = await serve({ ...reportRig(report), meters: families });
  const { runtime } = api.rig;
  const order = { tenant, report: "counted", permission: undefined, params: {}, newerThan: undefined };
  const attempt = {
    jobId: "0193a1de-7a53-7cc1-9d6e-2f1f3a5b7c91",
    signal: new AbortController().signal,
    log: silentLog,
  };
  const commit = <T>(write: (sql: typeof runtime.database) => Promise<T>) => write(runtime.database);
  await assert.rejects(runtime.reports.service.compute(order, { ...attempt, commit }), { code: "report_malformed" });

  await using other = await serve({ ...reportRig(countedReport().report), meters: families });
  const lost = other.rig.runtime;
  const late = <T>(write: (sql: typeof lost.database) => Promise<T>) =>
    lost.database
      .executeSql(`update ${other.rig.schema}.report_results set fence = fence + 1`)
      .then(() => write(lost.database));
  await assert.rejects(lost.reports.service.compute(order, { ...attempt, commit: late }), {
    code: "report_lease_lost",
  });

  const text = await page(families);
  const count = (outcome: string) => sample(text, "nightshift_report_computations_total", { ...named, outcome });
  assert.deepEqual([count("failed"), count("lost"), count("computed")], [1, 1, undefined]);
});

test("the planner says how many refreshes it ordered, and what it spent of its budget", async () => {
  const families = new FamilyMeters();
  const counted = countedReport({ ttlMs: hours(6) });
  await using api = await serve({ ...reportRig(counted.report), meters: families });
  const { runtime } = api.rig;
  await api.rig.work();
  for (const n of [1, 1, 2, 2]) await api.ask(`${path}?n=${n}&wait=60s`);
  await runtime.reports.counter.tell();
  const { catalog, producer, log, reports } = runtime;
  const clock = new ManualClock(Date.now() + hours(6) - minutes(5));
  const planner = new ReportPlanner({ ...reports, catalog, producer, log, clock });
  const { refreshed, plannedMs } = await planner.prepare(10_000, new AbortController().signal);
  const text = await page(families);
  assert.equal(refreshed, 2);
  assert.equal(sample(text, "nightshift_report_refreshes_planned_total"), 2);
  assert.equal(sample(text, "nightshift_report_planned_seconds_total"), plannedMs / 1_000);
});
