import assert from "node:assert/strict";
import { test } from "vitest";
import { ManualClock } from "../../src/core/clock.ts";
import { days, hours, minutes } from "../../src/core/duration.ts";
import { placeOf } from "../../src/core/report-key.ts";
import { halfLifeMs } from "../../src/reports/decay.ts";
import { type Candidate, plan } from "../../src/reports/plan.ts";
import { ReportPlanner } from "../../src/reports/planner.ts";
import { eventually } from "../rig/eventually.ts";
import { type Rig, tenant } from "../rig/rig.ts";
import { countedReport, rigOf, serveReports } from "./stage.ts";

const { report } = countedReport();
const now = Date.parse("2026-11-20T08:00:00Z");
const terms = {
  ...{ now, budgetMs: 10_000, tenantShare: 0.5 },
  ...{ leadMs: minutes(10), minHits: 0.5, unknownCostMs: 1_000 },
};
const nothing = { asOf: null, failedAt: null, invalidatedAt: 0, leased: false, costMs: null };

function candidate(of: string, n: number, facts: Partial<Candidate>): Candidate {
  return { ...nothing, hits: 1, place: placeOf(of, report, "read", { n }), ...facts };
}
const decisions = (candidates: readonly Candidate[], of: Partial<typeof terms> = {}) =>
  plan(candidates, { ...terms, ...of }).map(({ place, decision }) => `${place.tenant}/${place.params.n} ${decision}`);

test("the plan takes what is asked most, as long as the budget and the tenant's share allow", () => {
  assert.deepEqual(
    decisions([
      candidate("a", 1, { hits: 50, costMs: 3_000 }),
      candidate("a", 2, { hits: 40, costMs: 4_000 }),
      candidate("a", 3, { hits: 30, costMs: 1_500 }),
      candidate("b", 4, { hits: 20, costMs: 5_000 }),
      candidate("c", 5, { hits: 10, costMs: 600 }),
      candidate("c", 6, { hits: 5, costMs: 400 }),
    ]),
    ["a/1 refresh", "a/2 over-tenant-share", "a/3 refresh", "b/4 refresh", "c/5 over-budget", "c/6 refresh"],
  );
});

test("the plan leaves alone what is fresh, unpopular, being computed, or failed lately", () => {
  const ttl = report.ttlMs;
  assert.deepEqual(
    decisions(
      [
        candidate("a", 1, { hits: 90, asOf: now - ttl + minutes(11) }),
        candidate("a", 2, { hits: 80, asOf: now - ttl + minutes(9) }),
        candidate("a", 3, { hits: 70, asOf: now - 1_000, invalidatedAt: now - 500 }),
        candidate("a", 4, { hits: 60, asOf: now - 500, invalidatedAt: now - 1_000 }),
        candidate("a", 5, { hits: 50, leased: true }),
        candidate("a", 6, { hits: 40, failedAt: now - 1_000 }),
        candidate("a", 7, { hits: 30, failedAt: now - minutes(2) }),
        candidate("a", 8, { hits: 0.4 }),
      ],
      { tenantShare: 1 },
    ),
    [
      "a/1 fresh",
      "a/2 refresh",
      "a/3 refresh",
      "a/4 fresh",
      "a/5 being-computed",
      "a/6 failed-lately",
      "a/7 refresh",
      "a/8 unpopular",
    ],
  );
  assert.deepEqual(decisions([candidate("a", 1, { hits: 3 })], { budgetMs: 0 }), ["a/1 over-budget"]);
});

const popularAt = async ({ runtime }: Rig, at: number) =>
  (await runtime.reports.cache.popular(tenant, at, 10)).map(({ params, hits }) => [
    JSON.parse(params).n,
    Math.round(hits * 1_000) / 1_000,
  ]);

test("reads count half as much after each half-life, and old ones give way to new ones", async () => {
  await using rig = await rigOf(report);
  const { cache } = rig.runtime.reports;
  const place = (n: number) => placeOf(tenant, report, "read", { n });
  await cache.count([{ place: place(1), count: 8 }], now);
  await cache.count([{ place: place(2), count: 3 }], now);
  await cache.count([{ place: place(1), count: 8 }], now);
  assert.deepEqual(await popularAt(rig, now), [
    [1, 16],
    [2, 3],
  ]);
  const later = now + 3 * halfLifeMs;
  assert.deepEqual(await popularAt(rig, later), [
    [1, 2],
    [2, 0.375],
  ]);
  await cache.count([{ place: place(2), count: 4 }], later);
  assert.deepEqual(await popularAt(rig, later), [
    [2, 4.375],
    [1, 2],
  ]);
  await cache.count([{ place: place(1), count: 1 }], later - halfLifeMs); // told late by a slow process
  assert.deepEqual(await popularAt(rig, later), [
    [2, 4.375],
    [1, 2.5],
  ]);
  assert.deepEqual(await cache.tenants(), [tenant]);
});

test("what is popular is computed before it expires, and readers never find it stale", async () => {
  const counted = countedReport({ ttlMs: hours(6) });
  await using api = await serveReports(counted.report);
  const { rig } = api;
  await rig.work();
  const path = "/v1/reports/counted";
  for (const n of [1, 1, 1, 2, 2, 3]) await api.ask(`${path}?n=${n}&wait=60s`);
  await api.ask(`${path}?n=1`, { key: api.key.stranger });
  await rig.runtime.reports.counter.tell();
  assert.equal(counted.computations.length, 4);

  const { catalog, producer, reports, log } = rig.runtime;
  const clock = new ManualClock(Date.now() + hours(6) - minutes(5));
  const planner = new ReportPlanner({ ...reports, catalog, producer, clock, log });
  const { signal } = new AbortController();
  assert.deepEqual(await rig.runtime.reports.planner.prepare(60_000, signal), {
    ...{ considered: 4, refreshed: 0, budgetMs: 60_000, plannedMs: 0 }, // all are fresh by the present clock
  });
  const prepared = await planner.prepare(60_000, signal);
  assert.deepEqual([prepared.considered, prepared.refreshed], [4, 4]);
  await eventually(() => assert.equal(counted.computations.length, 8));
  const { body } = await api.ask(`${path}?n=1`);
  assert.equal(body.stale, false);
  const planned = await api.ask("/v1/jobs?tag=planned");
  assert.deepEqual(
    planned.body.items.map(({ job, priority }: { job: string; priority: string }) => `${job} ${priority}`),
    ["reports.compute low", "reports.compute low", "reports.compute low"],
  );
});

test("the plan explains itself: a tenant sees its own questions, the house all of them", async () => {
  await using api = await serveReports(countedReport().report);
  await api.rig.work();
  for (const n of [1, 1, 2]) await api.ask(`/v1/reports/counted?n=${n}&wait=60s`);
  await api.ask("/v1/reports/counted?wait=60s", { key: api.key.stranger });
  await api.rig.runtime.reports.counter.tell();
  const { status, body } = await api.ask("/v1/reports/plan");
  assert.equal(status, 200);
  assert.deepEqual([body.budgetMs, body.plannedMs, body.halfLifeMs], [30_000, 0, days(1)]);
  assert.deepEqual(
    body.items.map(({ params, decision, hits }: Record<string, unknown>) => ({ params, decision, hits })),
    [
      { params: { n: 1 }, decision: "fresh", hits: 2 },
      { params: { n: 2 }, decision: "fresh", hits: 1 },
    ],
  );
  const all = await api.ask("/v1/reports/plan?budgetMs=5", { key: api.key.everyone });
  assert.deepEqual([all.body.items.length, all.body.budgetMs], [3, 5]);
  const bad = await api.ask("/v1/reports/plan?budget=1");
  assert.deepEqual([bad.status, bad.body.errors[0].path], [422, "budget"]);
});

test("an invalidation that Redis missed is told again by the planner's next run", async () => {
  const counted = countedReport({ tags: () => ["things"] });
  await using api = await serveReports(counted.report);
  await api.rig.work();
  await api.ask("/v1/reports/counted?wait=60s");
  await api.rig.runtime.reports.results.invalidate(tenant, ["things"]); // Postgres alone: Redis was away
  assert.equal((await api.ask("/v1/reports/counted")).body.stale, false);
  const { producer, catalog } = api.rig.runtime;
  const { id } = await producer.enqueue("*", catalog.get("reports.plan"), {});
  assert.equal((await api.rig.settled(id)).state, "completed");
  await eventually(async () => {
    const { body } = await api.ask("/v1/reports/counted");
    assert.ok(body.stale || counted.computations.length === 2, "it is stale, or computed again already");
  });
});

test("a question of an earlier release, or one whose parameters no longer fit, is passed over", async () => {
  await using rig = await rigOf(report);
  const place = placeOf(tenant, report, "read", { n: 1 });
  const older = { ...place, report: { ...report, version: 7 } };
  const outdated = { ...place, canonical: '{"n":"none"}' };
  await rig.runtime.reports.cache.count(
    [place, older, outdated].map((one) => ({ place: one, count: 1 })),
    Date.now(),
  );
  const { items } = await rig.runtime.reports.planner.plan(1_000);
  assert.deepEqual(
    items.map((one) => one.place.params),
    [{ n: 1 }],
  );
});
