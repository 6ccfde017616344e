import assert from "node:assert/strict";
import { inject, test } from "vitest";
import { Health } from "../../src/observability/health.ts";
import { cuttable } from "../api/cuttable.ts";
import { gate, testJob, testQueue } from "../rig/jobs.ts";
import { startRig, tenant } from "../rig/rig.ts";

// Seen to fail with the watchdog off (`silenceMs: 600_000`): the job is not taken before the read is given up after 30 s.
test("a worker whose connections are dead without an error is rebuilt, says so, and takes the work", async () => {
  await using redis = await cuttable(inject("redisUrl"));
  const job = testJob(async () => "done");
  await using rig = await startRig({ jobs: [job], redisUrl: redis.url });
  const host = await rig.work([job.queue], { silenceMs: 1_000 });
  const health = new Health({ queues: () => host.watchdog.check() }, { freshMs: 0 });
  const ready = async () => (await health.checks())[0];
  const before = await rig.runtime.producer.enqueue(tenant, job, {});
  await rig.settled(before.id);
  assert.equal((await ready())!.ok, true);

  redis.freeze(); // the worker's two and the producer's; the producer finds out and has a new one
  await rig.until(() => rig.lines.some(({ event }) => event === "redis.shut"));
  await rig.until(() => rig.runtime.redis.open);
  const { id } = await rig.runtime.producer.enqueue(tenant, job, {});
  const unready = await rig.until(async () => {
    const check = await ready();
    return check!.ok ? null : check;
  });
  assert.deepEqual(unready, { name: "queues", ok: false, detail: "pool_silent" });
  assert.equal((await rig.settled(id)).state, "completed");
  await rig.until(async () => (await ready())!.ok);

  const [incident] = await rig.until(async () => {
    const closed = await rig.runtime.incidents.list({ state: "closed", limit: 10 });
    return closed.length > 0 && closed;
  });
  assert.deepEqual([incident!.kind, incident!.subject], ["worker_silent", `queue/${job.queue.name}`]);
  const { ready: waiting, free, loop, main, takenAt } = incident!.details;
  assert.deepEqual({ waiting, free, loop, main }, { waiting: 1, free: 10, loop: "running", main: "ready" });
  assert.match(String(takenAt), /^\d{4}-\d\d-\d\dT/);
}, 40_000);

// Seen to fail when `ready` does not ask for pauses and limits: pools are rebuilt although all is as it should be.
test("paused, rate-limited and busy queues are not silent", async () => {
  const go = gate();
  const paused = testQueue({ name: "paused" });
  const limited = testQueue({ name: "limited", rateLimit: { jobs: 1, perMs: 60_000 } });
  const busy = testQueue({ name: "busy", concurrency: 1 });
  const jobs = [
    testJob(async () => "done", { name: "tests.paused", queue: paused }),
    testJob(async () => "done", { name: "tests.limited", queue: limited }),
    testJob(() => go.promise, { name: "tests.busy", queue: busy }),
  ];
  await using rig = await startRig({ jobs });
  await rig.runtime.redis.pause(paused);
  const host = await rig.work([paused, limited, busy], { silenceMs: 600 });
  for (const job of jobs) for (let n = 0; n < 3; n += 1) await rig.runtime.producer.enqueue(tenant, job, { n });
  const watchedFrom = Date.now();
  await rig.until(() => rig.ends.length === 1 && Date.now() - watchedFrom > 2_500); // four limits of silence are the scenario
  assert.deepEqual(
    rig.lines.filter(({ event }) => event === "pool.rebuilt"),
    [],
  );
  await host.watchdog.check();
  go.open();
});
