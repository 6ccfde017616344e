import assert from "node:assert/strict";
import pg from "pg";
import { inject, test } from "vitest";
import { type ComputeReport, compute as shipped } from "#jobs/reports/compute.job.ts";
import { seconds } from "../../src/core/duration.ts";
import { placeOf } from "../../src/core/report-key.ts";
import { Database } from "../../src/ledger/database.ts";
import { compute } from "../../src/reports/computation.ts";
import { Reports } from "../../src/reports/reports.ts";
import { serve } from "../api/served.ts";
import { eventually } from "../rig/eventually.ts";
import { gate } from "../rig/jobs.ts";
import { openHouse } from "../rig/processes.ts";
import { type Rig, tenant } from "../rig/rig.ts";
import { countedReport, reportRig, rigOf, serveReports } from "./stage.ts";

const path = "/v1/reports/counted";

async function computed(rig: Rig, payload: ComputeReport, options = {}) {
  const { id } = await rig.runtime.producer.enqueue(
    tenant,
    rig.runtime.catalog.get("reports.compute"),
    payload,
    options,
  );
  return rig.settled(id);
}

/** A house's own service over a rig, with a lease that runs out soon. */
function serviceOf({ runtime }: Rig, leaseMs: number): Reports {
  const { catalog, database, clock, log, reports } = runtime;
  return new Reports({ ...reports, catalog, database, clock, log, leaseMs });
}

const order = { tenant, report: "counted", permission: undefined, params: {}, newerThan: undefined };
const attemptOf = ({ runtime }: Rig, jobId: string) => ({
  jobId,
  signal: new AbortController().signal,
  log: runtime.log,
  commit: <T>(write: (sql: typeof runtime.database) => Promise<T>) => write(runtime.database),
});

/* Seen to fail with the fence taken out of `store`: the first computation's row is then the one that is kept. */
test("a computation whose lease was lost cannot overwrite a newer one, in Postgres or in Redis", async () => {
  const first = gate();
  let calls = 0;
  const { report } = countedReport({
    say: () => "",
    compute: async (_params, { tenant: of }) => {
      calls += 1;
      const mine = calls;
      if (mine === 1) await first.promise;
      return [{ tenant: of, n: mine, say: `computation ${mine}` }];
    },
  });
  await using rig = await rigOf(report);
  const place = placeOf(tenant, report, "read", {});
  const service = serviceOf(rig, seconds(60));
  const slow = service.compute(order, attemptOf(rig, "0193a1de-7a53-7cc1-9d6e-2f1f3a5b7c91"));
  await eventually(() => assert.equal(calls, 1));
  await assert.rejects(service.compute(order, attemptOf(rig, "0193a1de-7a53-7cc1-9d6e-2f1f3a5b7c92")), {
    code: "report_being_computed",
  });
  const { schema } = rig;
  await rig.runtime.database.executeSql(
    `update ${schema}.report_results set lease_until = now() - interval '1 second'`,
  );
  assert.equal((await service.compute(order, attemptOf(rig, "0193a1de-7a53-7cc1-9d6e-2f1f3a5b7c92"))).computed, true);
  first.open();
  await assert.rejects(slow, { code: "report_lease_lost" });
  for (const store of [rig.runtime.reports.results.find(place), rig.runtime.reports.cache.look(place)])
    assert.match(String((await store).copy?.fence), /^2$/);

  const { cache } = rig.runtime.reports;
  const { copy } = await cache.look(place);
  await cache.keep(place, { ...copy!, fence: 1, body: Buffer.from("old") }, seconds(60));
  assert.deepEqual((await cache.look(place)).copy, copy);
});

test("a lease is renewed while the computation runs, and its loss stops it", async () => {
  const open = gate();
  const { report, computations } = countedReport({
    work: (_params, { query }) => Promise.race([open.promise, query("select pg_sleep(60), $1::text")]),
  });
  await using rig = await rigOf(report);
  const service = serviceOf(rig, 300);
  const slow = service.compute(order, attemptOf(rig, "0193a1de-7a53-7cc1-9d6e-2f1f3a5b7c91"));
  await eventually(() => assert.equal(computations.length, 1));
  const until = async () =>
    (await rig.runtime.database.executeSql(`select lease_until from ${rig.schema}.report_results`)).rows[0]!
      .lease_until;
  const begun = await until();
  await eventually(async () => assert.ok((await until()) > begun, "it is renewed"));
  await rig.runtime.database.executeSql(`update ${rig.schema}.report_results set fence = fence + 1`);
  await assert.rejects(slow, { code: "report_lease_lost" });
  open.open();
});

test("the lease holder is killed: another worker computes, and the readers get it", async () => {
  await using house = await openHouse();
  await house.start("api");
  const holder = await house.start("worker");
  const client = new pg.Client({ connectionString: house.databaseUrl });
  await client.connect();
  try {
    await client.query("begin");
    await client.query("lock table nightshift.document_versions in access exclusive mode"); // the report waits for it
    const reading = house.call("GET", "/v1/reports/documents-by-month?wait=60s");
    await holder.logged("attempt.started");
    await eventually(async () => {
      const { rows } = await client.query("select fence from nightshift.report_results where lease_holder is not null");
      assert.equal(rows.length, 1);
    });
    holder.kill("SIGKILL");
    await holder.ended;
    await client.query("commit");
    await house.start("worker");
    const { status, body } = await reading;
    assert.deepEqual([status, body.stale, body.rows], [200, false, []]);
    const { rows } = await client.query("select fence::int, computations::int from nightshift.report_results");
    assert.deepEqual(rows, [{ fence: 2, computations: 1 }]);
  } finally {
    await client.end();
  }
}, 120_000);

test("a fresh result is not computed again; one that is not new enough is", async () => {
  const { report, computations } = countedReport();
  await using rig = await rigOf(report);
  await rig.work();
  const first = (await computed(rig, { report: "counted" })).result as { computed: boolean; asOf: string };
  assert.equal(first.computed, true);
  const second = (await computed(rig, { report: "counted", params: { n: 1 } })).result as typeof first;
  assert.deepEqual(second, { ...first, computed: false });
  const third = (await computed(rig, { report: "counted", newerThan: first.asOf })).result as typeof first;
  assert.equal(third.computed, true);
  assert.ok(third.asOf > first.asOf);
  assert.equal(computations.length, 2);
});

test("a computation cannot write, cannot leave its transaction, and cannot forget the tenant", async () => {
  const attempts: Record<string, string> = {
    write: "insert into {schema}.report_invalidations values ($1, 'x', now())",
    open: "set transaction read write",
    config: "select set_config('transaction_read_only', 'off', true), $1::text",
    commit: "commit",
    two: "select $1::text; insert into {schema}.report_invalidations values ('a', 'x', now())",
    forgotten: "select count(*) from {schema}.jobs",
  };
  const seen: Record<string, string> = {};
  const { report } = countedReport({
    params: countedReport().report.params,
    work: async ({ word }, { query, schema }) => {
      const bound = await query("select current_setting('nightshift.tenant') as bound, $1 as tenant");
      assert.deepEqual(bound, [{ bound: tenant, tenant }]);
      await query(attempts[word!]!.replace("{schema}", schema)).catch((error) => {
        seen[word!] = error.code;
        throw error;
      });
    },
  });
  await using rig = await rigOf(report);
  await rig.work();
  for (const word of Object.keys(attempts)) {
    const { state, error } = await computed(rig, { report: "counted", params: { word } });
    assert.deepEqual([word, state, error?.code], [word, "dead", "report_failed"]);
  }
  assert.deepEqual(seen, {
    write: "25006",
    open: "08P01",
    config: "25001",
    commit: "08P01",
    two: "42601",
    forgotten: "08P01",
  });
  const { rows } = await rig.runtime.database.executeSql(`select 1 from ${rig.schema}.report_invalidations`);
  assert.deepEqual(rows, []);
});

test("a statement that takes too long is given up by Postgres, and the job is not tried again", async () => {
  const { report } = countedReport({
    statementTimeoutMs: 100,
    work: (_params, { query }) => query("select pg_sleep(60), $1::text"),
  });
  await using rig = await rigOf(report);
  await rig.work();
  const { state, error, attempts } = await computed(rig, { report: "counted" });
  assert.deepEqual([state, error?.code, attempts.length], ["dead", "report_timed_out", 1]);
});

test("a cancelled computation stops in the database too", async () => {
  const { report, computations } = countedReport({
    work: (_params, { query }) => query("select pg_sleep(600), $1::text as nightshift_cancel_me"),
  });
  await using rig = await rigOf(report);
  await rig.work();
  const job = rig.runtime.catalog.get("reports.compute");
  const { id } = await rig.runtime.producer.enqueue(tenant, job, { report: "counted" });
  await eventually(() => assert.equal(computations.length, 1));
  await rig.runtime.cancellation.cancel(tenant, id);
  assert.equal((await rig.settled(id)).state, "cancelled");
  await eventually(async () => {
    const { rows } = await rig.runtime.database.executeSql(
      "select 1 from pg_stat_activity where query like '%nightshift_cancel_me%' and state = 'active' and pid <> pg_backend_pid()",
    );
    assert.equal(rows.length, 0);
  });
});

test("a cancel that comes late never meets the next statement of the connection", async () => {
  const database = new Database({
    connectionString: inject("databaseUrl"),
    max: 2,
    patience: { connectMs: seconds(60) },
    log: { debug() {}, info() {}, warn() {}, error() {}, child: () => assert.fail("no child") },
  });
  const outside = new pg.Client({ connectionString: inject("databaseUrl") });
  await outside.connect();
  /** Time enough for what goes on over other connections, counted in answers of Postgres. */
  const answers = async (count: number) => {
    for (let index = 0; index < count; index += 1) await outside.query("select 1");
  };
  try {
    await outside.query("select pg_advisory_lock(20261120)");
    const [begun, end] = [gate(), gate()];
    const { report } = countedReport({
      work: () => {
        begun.open();
        return end.promise;
      },
    });
    const abort = new AbortController();
    const computing = compute(database, placeOf(tenant, report, "read", {}), abort.signal).catch((error) => error);
    await begun.promise;
    const other = await database.pool.connect(); // both connections are lent: what comes now waits in turn
    const next = database.executeSql("select pg_advisory_lock_shared(20261120), 'done' as word");
    next.catch(() => undefined);
    abort.abort(new Error("stopped")); // the cancel waits behind it
    end.open();
    await Promise.race([computing, answers(300)]);
    await answers(50);
    other.release();
    await answers(50);
    await outside.query("select pg_advisory_unlock(20261120)");
    assert.equal((await next).rows[0]!.word, "done");
    assert.equal((await computing).rows.length, 1, "it had ended before");
    assert.deepEqual((await database.executeSql("select 1 as one")).rows, [{ one: 1 }]);
  } finally {
    await outside.end();
    await database.stop();
  }
});

test("a report whose SQL fails serves the copy before it with a warning, and asks for no other for a while", async () => {
  let broken = false;
  const { report, computations } = countedReport({
    tags: () => ["things"],
    work: async (_params, { query }) => broken && query("select secret_column from nowhere where tenant = $1"),
  });
  await using api = await serveReports(report);
  await api.rig.work();
  const good = await api.ask(`${path}?wait=60s`);
  broken = true;
  await api.rig.runtime.reports.service.invalidate(tenant, ["things"]);
  const { status, body, headers } = await api.ask(`${path}?stale=false&wait=60s`);
  assert.equal(status, 200);
  assert.deepEqual([body.stale, body.warning.code, body.rows], [true, "report_failed", good.body.rows]);
  assert.equal(headers.get("etag"), good.headers.get("etag"));
  const count = computations.length;
  for (let reads = 0; reads < 5; reads += 1) assert.equal((await api.ask(path)).body.warning.code, "report_failed");
  assert.equal(computations.length, count);

  const none = await api.ask(`${path}?n=2&wait=60s`);
  assert.deepEqual([none.status, none.body.code], [503, "report_unavailable"]);
  assert.ok(Number(none.headers.get("retry-after")) >= 1);
  assert.match(none.body.detail, /report_failed/);
  const said = JSON.stringify([body, none.body, api.rig.lines.filter(({ level }) => level !== "debug")]);
  assert.doesNotMatch(said, /secret_column|nowhere/);
  const jobs = await api.ask("/v1/jobs?state=dead");
  assert.doesNotMatch(JSON.stringify(jobs.body), /secret_column|nowhere/);
});

test("rows that JSON cannot hold, or too many of them, are refused with a code", async () => {
  const rows = { n: 0 };
  const { report } = countedReport({
    compute: async ({ n }, { tenant: of }) =>
      n === 1
        ? [{ tenant: of, n: Number.NaN, say: "" }]
        : Array.from({ length: 90 }, () => ({ tenant: of, n: rows.n, say: "x".repeat(100_000) })),
  });
  await using rig = await rigOf(report);
  await rig.work();
  assert.equal((await computed(rig, { report: "counted", params: { n: 1 } })).error?.code, "report_malformed");
  assert.equal((await computed(rig, { report: "counted", params: { n: 2 } })).error?.code, "report_too_large");
});

test("however parameters are written, the same question has one key; another one has another", () => {
  const { report } = countedReport();
  const key = (given: unknown, of = report, permission: "read" | "operate" = "read") =>
    placeOf(tenant, of, permission, given).key;
  const same = [{}, { n: 1 }, { n: "1" }, { n: "01" }, { word: undefined, n: 1 }];
  assert.equal(new Set(same.map((given) => key(given))).size, 1);
  assert.equal(
    key({ n: 2, word: "a" }),
    key(
      Object.fromEntries([
        ["word", "a"],
        ["n", "2"],
      ]),
    ),
  );
  const others = [{ n: 2 }, { word: "" }, { word: "1" }, { n: 2, word: "a" }];
  assert.equal(new Set([...others.map((given) => key(given)), key({})]).size, others.length + 1);
  assert.notEqual(key({}), key({}, { ...report, version: 2 }));
  assert.notEqual(key({}), key({}, report, "operate"));
});

test("a tenant never gets another's result, and each permission has a result of its own", async () => {
  const { report, computations } = countedReport({
    permissions: ["read", "operate"],
    compute: async (_params, { tenant: of, permission }) => {
      computations.push({ tenant: of, params: { n: 0 } });
      return [{ tenant: of, n: 0, say: permission }];
    },
  });
  await using api = await serveReports(report);
  await api.rig.work();
  const read = async (key: string, headers = {}) =>
    (await api.ask(`${path}?wait=60s`, { key, headers })).body.rows?.[0];
  const { producer, operator, stranger, everyone } = api.key;
  assert.deepEqual(await read(producer), { tenant: "acme", n: 0, say: "read" });
  assert.deepEqual(await read(operator), { tenant: "acme", n: 0, say: "operate" });
  assert.deepEqual(await read(stranger), { tenant: "globex", n: 0, say: "operate" });
  assert.deepEqual(await read(everyone, { "nightshift-tenant": "globex" }), { tenant: "globex", n: 0, say: "operate" });
  assert.equal(computations.length, 3);
  const nobody = await api.ask(path, { key: everyone });
  assert.deepEqual([nobody.status, nobody.body.code], [400, "tenant_required"]);
});

test("a report for operators is forbidden to others, and nothing is computed", async () => {
  const { report, computations } = countedReport({ permissions: ["operate"] });
  await using api = await serveReports(report);
  const { status, body } = await api.ask(path);
  assert.deepEqual([status, body.code], [403, "forbidden"]);
  assert.equal(computations.length, 0);
});

test("bad input is refused with the path of every problem, and nothing is stored", async () => {
  const { report } = countedReport();
  await using api = await serveReports(report);
  const { status, body } = await api.ask(
    `${path}?n=many&word=${"x".repeat(21)}&colour=red&wait=1h&format=xlsx&stale=no`,
  );
  assert.equal(status, 422);
  assert.equal(body.code, "invalid_input");
  const problems = body.errors.map((problem: { path: string; code: string }) => `${problem.path} ${problem.code}`);
  assert.deepEqual(problems.sort(), [
    "colour unrecognized_key",
    "format invalid_value",
    "n invalid_type",
    "stale invalid_value",
    "wait invalid_format",
    "word too_big",
  ]);
  const unknown = await api.ask("/v1/reports/nothing");
  assert.deepEqual([unknown.status, unknown.body.code], [404, "unknown_report"]);
  const tags = await api.ask("/v1/reports/invalidations", { json: { tags: ["ok", "Not a tag"] } });
  assert.deepEqual([tags.status, tags.body.errors[0].path], [422, "tags.1"]);
  const job = await api.ask("/v1/jobs/reports.compute", {
    json: { payload: { report: "counted", params: { n: -1 } } },
  });
  assert.deepEqual([job.status, job.body.errors[0].path], [422, "payload.params.n"]);
  const strange = await api.ask("/v1/jobs/reports.compute", { json: { payload: { report: "nothing" } } });
  assert.deepEqual([strange.status, strange.body.errors[0].path], [422, "payload.report"]);
  for (const table of ["jobs", "report_results", "report_invalidations"]) {
    const { rows } = await api.rig.runtime.database.executeSql(`select 1 from ${api.rig.schema}.${table}`);
    assert.deepEqual(rows, [], table);
  }
});

test("the shipped job names every shipped report in its schema", async () => {
  await using api = await serve({ ...reportRig(countedReport().report), jobs: [shipped], queues: [shipped.queue] });
  const { body } = await api.ask("/v1/job-types");
  assert.match(JSON.stringify(body), /documents-by-month/);
});
