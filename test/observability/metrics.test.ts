import assert from "node:assert/strict";
import { test } from "vitest";
import { ManualClock } from "../../src/core/clock.ts";
import { Metrics } from "../../src/observability/metrics.ts";
import { silentLog } from "../engines/subject.ts";
import { testJob, testQueue } from "../rig/jobs.ts";
import { type Rig, startRig, tenant } from "../rig/rig.ts";
import { sample } from "./page.ts";

const nothing = testJob(async () => null);
const labels = { job: nothing.name, queue: nothing.queue.name, tenant };

function metricsOf(rig: Rig): Metrics {
  const { catalog, reader } = rig.runtime;
  return new Metrics({
    log: rig.runtime.log,
    sources: {
      depths: {
        queues: catalog.queues,
        ledger: () => reader.depths(),
        engine: (queue) => rig.runtime.engineOf(queue).counts(queue),
      },
    },
  });
}

test("accepted jobs and ended attempts are counted by job, queue, tenant and outcome, and timed", async () => {
  const fails = testJob(
    async () => {
      throw new Error("no");
    },
    { name: "tests.fail", queue: nothing.queue },
  );
  await using rig = await startRig({ jobs: [nothing, fails] });
  const metrics = new Metrics({ log: silentLog });
  const receipts = await rig.runtime.producer.enqueueMany(tenant, [
    { job: nothing, payload: {}, options: { deduplicationKey: "one" } },
    { job: nothing, payload: {}, options: { deduplicationKey: "one" } },
    { job: fails, payload: {} },
  ]);
  for (const receipt of receipts) metrics.accepted(receipt);
  await rig.work();
  for (const { id } of receipts) await rig.settled(id);
  for (const end of rig.ends) metrics.attemptEnded(end);

  const page = await metrics.text();
  assert.equal(sample(page, "nightshift_jobs_accepted_total", labels), 1, "a duplicate is not counted");
  assert.equal(sample(page, "nightshift_attempts_total", { ...labels, outcome: "completed" }), 1);
  assert.equal(sample(page, "nightshift_attempts_total", { job: "tests.fail", outcome: "failed" }), 2);
  assert.equal(sample(page, "nightshift_attempts_total", { job: "tests.fail", outcome: "dead" }), 1);
  assert.equal(sample(page, "nightshift_job_run_seconds_count", { job: "tests.fail" }), 3);
  assert.equal(sample(page, "nightshift_job_wait_seconds_bucket", { job: nothing.name, le: "600" }), 1);
  assert.match(metrics.contentType, /^text\/plain/);
  assert.ok(sample(page, "process_cpu_seconds_total")! > 0);
});

test("the page says how many jobs of a queue are in which state, and how long the oldest has been due", async () => {
  await using rig = await startRig({ jobs: [nothing] });
  const { producer, reader, database } = rig.runtime;
  const first = await producer.enqueue(tenant, nothing, {});
  await producer.enqueue(tenant, nothing, {});
  await producer.enqueue(tenant, nothing, {}, { runAt: "2099-01-01T00:00:00Z" });
  await rig.until(async () => (await reader.depths()).some((row) => row.state === "queued" && row.count === 2));
  await database.executeSql(
    `update ${rig.schema}.jobs set run_at = now() - interval '90 s', accepted_at = now() - interval '90 s' where id = $1`,
    [first.id],
  );

  const page = await metricsOf(rig).text();
  const depth = (state: string) => sample(page, "nightshift_queue_depth", { queue: "tests", state });
  assert.deepEqual(
    ["scheduled", "accepted", "queued", "running", "retrying"].map(depth),
    [1, 0, 2, 0, 0],
    "an empty state is a 0, not a gap",
  );
  const oldest = sample(page, "nightshift_queue_oldest_waiting_seconds", { queue: "tests" })!;
  assert.ok(oldest >= 90 && oldest < 120, `${oldest} s`);
});

test("jobs of a queue whose record is Redis are counted in Redis", async () => {
  const fast = testJob(async () => null, { queue: testQueue({ name: "fast", durability: "redis" }) });
  await using rig = await startRig({ jobs: [fast] });
  for (let count = 0; count < 3; count++) await rig.runtime.producer.enqueue(tenant, fast, {});
  await rig.runtime.producer.enqueue(tenant, fast, {}, { runAt: "2099-01-01T00:00:00Z" });
  const old = { id: crypto.randomUUID(), job: fast.name, tenant, priority: "low", attempts: 1, delayMs: 0 } as const;
  await rig.runtime.redis.dispatch(fast.queue, [{ ...old, acceptedAt: Date.now() - 90_000 }]);

  const page = await metricsOf(rig).text();
  assert.equal(sample(page, "nightshift_queue_depth", { queue: "fast", state: "queued" }), 4);
  assert.equal(sample(page, "nightshift_queue_depth", { queue: "fast", state: "scheduled" }), 1);
  const oldest = sample(page, "nightshift_queue_oldest_waiting_seconds", { queue: "fast" })!;
  assert.ok(oldest >= 90 && oldest < 120, `${oldest} s`);
});

test("while a store is away the page is served without its gauges", async () => {
  const fast = testQueue({ name: "fast", durability: "redis" });
  const away = async () => Promise.reject(new Error("away"));
  const depths = { queues: [nothing.queue, fast], ledger: async () => [], engine: away };
  const withoutRedis = await new Metrics({ log: silentLog, sources: { depths } }).text();
  assert.equal(sample(withoutRedis, "nightshift_queue_depth", { queue: "tests", state: "queued" }), 0);
  assert.equal(sample(withoutRedis, "nightshift_queue_depth", { queue: "fast" }), undefined);

  const withoutPostgres = await new Metrics({
    log: silentLog,
    sources: { depths: { ...depths, ledger: away } },
  }).text();
  assert.equal(sample(withoutPostgres, "nightshift_queue_depth"), undefined);
  assert.ok(sample(withoutPostgres, "process_cpu_seconds_total")! > 0);
});

test("however many scrape, the depths are read once in five seconds", async () => {
  const clock = new ManualClock("2026-11-05T10:00:00Z");
  let reads = 0;
  const ledger = async () => {
    reads += 1;
    return [];
  };
  const depths = { queues: [nothing.queue], ledger, engine: () => Promise.reject(new Error("not asked")) };
  const metrics = new Metrics({ log: silentLog, clock, sources: { depths } });
  await Promise.all([metrics.text(), metrics.text()]);
  await metrics.text();
  assert.equal(reads, 1);
  clock.advance(5_001);
  await metrics.text();
  assert.equal(reads, 2);
});

test("a worker's page shows its slots and how many of them work", async () => {
  const metrics = new Metrics({ log: silentLog, sources: { slots: () => [{ queue: "tests", slots: 8, used: 3 }] } });
  const page = await metrics.text();
  assert.equal(sample(page, "nightshift_slots", { queue: "tests" }), 8);
  assert.equal(sample(page, "nightshift_slots_used", { queue: "tests" }), 3);
});

test("tenants beyond the limit are counted together as other", async () => {
  const metrics = new Metrics({ log: silentLog, tenantLimit: 2 });
  const end = { job: nothing, outcome: "completed", waitMs: -5, runMs: 1 } as const;
  for (const name of ["a", "b", "c", "d", "a"]) metrics.attemptEnded({ ...end, tenant: name });
  const page = await metrics.text();
  const count = (name: string) => sample(page, "nightshift_attempts_total", { tenant: name });
  assert.deepEqual(["a", "b", "c", "other"].map(count), [2, 1, undefined, 2]);
  assert.equal(sample(page, "nightshift_job_wait_seconds_sum"), 0, "a job promoted before it was due waited 0 s");
});
