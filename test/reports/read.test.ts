import assert from "node:assert/strict";
import { inject, test } from "vitest";
import { placeOf } from "../../src/core/report-key.ts";
import { ReportReader } from "../../src/reports/reader.ts";
import { cuttable } from "../api/cuttable.ts";
import { serve } from "../api/served.ts";
import { eventually } from "../rig/eventually.ts";
import { gate } from "../rig/jobs.ts";
import { startRedis } from "../rig/redis.ts";
import { countedReport, neighbour, reportRig, serveReports } from "./stage.ts";

const path = "/v1/reports/counted";
interface Body {
  readonly stale: boolean;
  readonly rows: readonly Record<string, unknown>[];
}

/* Two things make it so, and either is enough: seen to fail with the deduplication key and the look at what is there both gone. */
test("1,000 readers of a cold report in two processes are one computation", async () => {
  const open = gate();
  const { report, computations } = countedReport({ work: () => open.promise });
  await using api = await serveReports(report);
  await using other = await neighbour(api);
  await api.rig.work();
  const readers = Array.from({ length: 1_000 }, (_, index) =>
    fetch(`${index % 2 === 0 ? api.url : other.url}${path}?n=7&wait=60s`, {
      headers: { authorization: `Bearer ${api.key.producer}` },
    }).then(async (response) => ({ status: response.status, body: (await response.json()) as Body })),
  );
  const { planner } = api.rig.runtime.reports;
  await eventually(async () => {
    const { items } = await planner.plan(0);
    assert.ok(items[0] && items[0].hits > 999, "all of them have come");
  });
  assert.equal(computations.length, 1);
  open.open();
  const answers = await Promise.all(readers);
  assert.deepEqual([...new Set(answers.map(({ status }) => status))], [200]);
  const [first] = answers;
  assert.deepEqual(first!.body.rows, [{ tenant: "acme", n: 7, say: "same" }]);
  assert.equal(new Set(answers.map(({ body }) => JSON.stringify(body))).size, 1);
  assert.equal(computations.length, 1);
  const { rows } = await api.rig.runtime.database.executeSql(
    `select computations::int, fence::int from ${api.rig.schema}.report_results`,
  );
  assert.equal(rows[0]!.computations, 1);
});

test("a hit needs Redis alone: with Postgres cut off it is served, and one that is not there is refused", async () => {
  const { report } = countedReport();
  await using postgres = await cuttable(inject("databaseUrl"));
  await using api = await serve({ ...reportRig(report), databaseUrl: postgres.url });
  await api.rig.work();
  assert.equal((await api.ask(`${path}?n=3&wait=60s`)).status, 200);
  postgres.cut();
  for (let count = 0; count < 5; count += 1) {
    const { status, body } = await api.ask(`${path}?n=3`);
    assert.deepEqual([status, body.stale, body.rows[0].n], [200, false, 3]);
  }
  const miss = await api.ask(`${path}?n=4&wait=1s`);
  assert.deepEqual([miss.status, miss.body.code], [503, "store_unavailable"]);
  postgres.mend();
});

test("readers of one turn share a look into Redis; who comes after an invalidation shares none that began before it", async () => {
  const { report } = countedReport({ tags: () => ["things"] });
  await using api = await serveReports(report);
  await api.rig.work();
  assert.equal((await api.ask(`${path}?wait=60s`)).status, 200);
  const { runtime } = api.rig;
  const { cache, service } = runtime.reports;
  const look = cache.look.bind(cache);
  let looked = gate();
  const open = gate();
  let looks = 0;
  let held: Promise<unknown> = Promise.resolve();
  cache.look = async (place) => {
    looks += 1;
    const found = await look(place);
    looked.open();
    await held;
    return found;
  };
  const reader = new ReportReader({ ...runtime, ...runtime.reports, follow: () => assert.fail("nothing is computed") });
  const place = placeOf("acme", report, "read", {});
  const read = async () => {
    const answer = await reader.read(place, { waitMs: 0, acceptsStale: true, signal: new AbortController().signal });
    return answer.kind === "ready" ? answer.stale : answer.kind;
  };
  assert.deepEqual(new Set(await Promise.all(Array.from({ length: 50 }, read))), new Set([false]));
  assert.equal(looks, 1);

  looked = gate();
  held = open.promise;
  const early = read();
  await looked.promise;
  held = Promise.resolve();
  await service.invalidate("acme", ["things"]);
  assert.equal(await read(), true, "told of the invalidation");
  open.open();
  assert.equal(await early, false);
});

test("a stale result is served at once while one renewal runs, whoever asks for it", async () => {
  let said = 1;
  let hold: Promise<unknown> = Promise.resolve();
  const { report, computations } = countedReport({ ttlMs: 1, work: () => hold, say: () => String(said) });
  await using api = await serveReports(report);
  await using other = await neighbour(api);
  await api.rig.work();
  assert.equal((await api.ask(`${path}?wait=60s&stale=true`)).status, 200);
  const open = gate();
  hold = open.promise;
  said = 2;
  const reads = await Promise.all(
    Array.from(
      { length: 40 },
      async (_, index) =>
        (
          await fetch(`${index % 2 ? api.url : other.url}${path}`, {
            headers: { authorization: `Bearer ${api.key.producer}` },
          })
        ).json() as Promise<Body>,
    ),
  );
  assert.deepEqual([...new Set(reads.map(({ stale, rows }) => `${stale} ${rows[0]?.say}`))], ["true 1"]);
  await eventually(() => assert.equal(computations.length, 2));
  const { headers } = await api.ask(path);
  assert.equal(headers.get("report-stale"), "?1");
  open.open();
  await eventually(async () => assert.equal((await api.ask(path)).body.rows[0].say, "2"));
});

test("who does not want a stale result waits for the new one", async () => {
  let said = 1;
  const { report } = countedReport({ tags: () => ["things"], say: () => String(said) });
  await using api = await serveReports(report);
  await api.rig.work();
  await api.ask(`${path}?wait=60s`);
  said = 2;
  const invalidated = await api.ask("/v1/reports/invalidations", { json: { tags: ["things"] } });
  assert.equal(invalidated.status, 204);
  const { status, body } = await api.ask(`${path}?stale=false&wait=60s`);
  assert.deepEqual([status, body.stale, body.rows[0].say], [200, false, "2"]);
});

test("invalidation by a tag makes that tenant's results with the tag stale, in every process, and no others", async () => {
  const tagged = countedReport({ tags: ({ n }) => [`n/${n}`] });
  await using api = await serveReports(tagged.report);
  await using other = await neighbour(api);
  await api.rig.work();
  const read = async (query: string, key: string, url = api.url) =>
    (
      await fetch(`${url}${path}?wait=60s&${query}`, { headers: { authorization: `Bearer ${key}` } })
    ).json() as Promise<Body>;
  const { producer, stranger } = api.key;
  for (const key of [producer, stranger]) for (const n of [1, 2]) await read(`n=${n}`, key);
  await api.rig.runtime.reports.service.invalidate("acme", ["n/1"]);
  assert.equal((await read("n=2", producer, other.url)).stale, false);
  assert.equal((await read("n=1", stranger, other.url)).stale, false);
  const count = tagged.computations.length;
  assert.equal((await read("n=1", producer, other.url)).stale, true);
  await eventually(async () => assert.equal((await read("n=1", producer)).stale, false));
  assert.equal(tagged.computations.length, count + 1);
  const { report } = tagged;
  await api.rig.runtime.reports.service.invalidate("acme", [`report:${report.name}`]);
  assert.equal((await read("n=2", producer)).stale, true);
});

test("a wiped Redis costs a look into Postgres, not a computation, and an invalidation survives it", async () => {
  await using redis = await startRedis();
  const { report, computations } = countedReport({ tags: () => ["things"] });
  await using api = await serve({ ...reportRig(report), redisUrl: redis.url, relay: true });
  await api.rig.work();
  const first = await api.ask(`${path}?wait=60s`);
  await redis.client.flushall();
  const second = await api.ask(path);
  assert.deepEqual(second.body, first.body);
  const results = (await redis.client.keys("*:reports:acme}:*")).filter((key) => /:[0-9a-f]{64}$/.test(key));
  assert.equal(results.length, 1, "it is in Redis again");
  assert.equal(computations.length, 1);

  await api.rig.runtime.reports.service.invalidate("acme", ["things"]);
  await redis.client.flushall();
  assert.equal((await api.ask(path)).body.stale, true);
  await eventually(async () => assert.equal((await api.ask(path)).body.stale, false));
  assert.equal(computations.length, 2);
});

test("Redis away: what Postgres has is served", async () => {
  await using redis = await startRedis();
  await using line = await cuttable(redis.url);
  const { report } = countedReport();
  await using api = await serve({ ...reportRig(report), redisUrl: line.url });
  await api.rig.work();
  const first = await api.ask(`${path}?wait=60s`);
  line.cut();
  const { status, body } = await api.ask(path);
  assert.equal(status, 200);
  assert.deepEqual(body, first.body);
  line.mend();
});

test("without a result in time the answer is 202 with the job; the job tells when to ask again", async () => {
  const open = gate();
  const { report } = countedReport({ work: () => open.promise });
  await using api = await serveReports(report);
  await api.rig.work();
  const { status, body, headers } = await api.ask(`${path}?wait=0s`);
  assert.equal(status, 202);
  assert.equal(headers.get("location"), `/v1/jobs/${body.jobId}`);
  assert.equal(headers.get("retry-after"), "1");
  assert.equal(body.links.report, `${path}?wait=0s`);
  const again = await api.ask(`${path}?wait=50ms`);
  assert.equal(again.body.jobId, body.jobId);
  open.open();
  assert.equal((await api.ask(`${body.links.job}?wait=60s`)).body.result.computed, true);
  assert.equal((await api.ask(path)).status, 200);
});

test("the ETag is that of the rows: 304 as long as they are the same, with their new age", async () => {
  let said = "one";
  const { report, computations } = countedReport({ say: () => said, tags: () => ["things"] });
  await using api = await serveReports(report);
  await api.rig.work();
  const first = await api.ask(`${path}?wait=60s`);
  const etag = first.headers.get("etag")!;
  assert.match(etag, /^W\/"[\w-]{27}"$/);
  assert.match(first.headers.get("cache-control")!, /private, no-cache/);
  assert.ok(Number(first.headers.get("age")) >= 0);
  const have = { headers: { "if-none-match": `"other", ${etag}` } };
  assert.equal((await api.ask(path, have)).status, 304);
  assert.equal((await api.ask(`${path}?format=csv`, have)).status, 304);

  const renewed = async () => {
    const count = computations.length;
    await api.rig.runtime.reports.service.invalidate("acme", ["things"]);
    const answer = await api.ask(`${path}?stale=false&wait=60s`, have);
    assert.equal(computations.length, count + 1);
    return answer;
  };
  const same = await renewed();
  assert.equal(same.status, 304);
  assert.ok(same.headers.get("report-as-of")! > first.body.asOf);
  said = "two";
  const other = await renewed();
  assert.equal(other.status, 200);
  assert.notEqual(other.headers.get("etag"), etag);
});

test("a large result is kept and sent compressed, and unpacked for readers who take no gzip", async () => {
  const { report } = countedReport({ say: () => "x".repeat(5_000) });
  await using api = await serveReports(report);
  await api.rig.work();
  await api.ask(`${path}?wait=60s`);
  const ask = (encoding: string) => api.fetch(path, { headers: { "accept-encoding": encoding } });
  const packed = await ask("gzip");
  assert.equal(packed.headers.get("content-encoding"), "gzip");
  assert.ok(Number(packed.headers.get("content-length")) < 1_000);
  const plain = await ask("identity");
  assert.equal(plain.headers.get("content-encoding"), null);
  assert.deepEqual(await plain.json(), await packed.json());
});
