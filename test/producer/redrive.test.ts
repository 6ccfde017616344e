import assert from "node:assert/strict";
import { test } from "vitest";
import { noRetry } from "../../src/core/retry.ts";
import { gate, testJob, testQueue } from "../rig/jobs.ts";
import { type Rig, startRig, tenant } from "../rig/rig.ts";

/** Fails until the test lets it succeed. */
function stubborn(queue = testQueue()) {
  const mood = { fails: true };
  const handle = async () => {
    if (mood.fails) throw new Error("no");
    return null;
  };
  return { mood, job: testJob(handle, { queue, retry: noRetry }) };
}

const failedIn = (rig: Rig, id: string) =>
  rig.until(async () => (await rig.runtime.redis.find(rig.runtime.catalog.queues[0]!, id))?.state === "failed");

test("a job that the engine still holds is not redriven: its new attempts would be ignored", async () => {
  const begun = gate();
  const end = gate();
  const job = testJob(async () => {
    begun.open();
    await end.promise;
  });
  await using rig = await startRig({ jobs: [job] });
  await rig.work();
  const { id } = await rig.runtime.producer.enqueue(tenant, job, {});
  await begun.promise;
  await rig.runtime.ledger.bury(id, { code: "tests_buried", message: "Given up while its engine holds it" });

  await assert.rejects(rig.runtime.redrive.redrive(null, id), { code: "job_settling" });
  assert.equal((await rig.runtime.reader.find(null, id))?.state, "dead");
  end.open();
});

test("a job that its engine calls dead before the ledger does is not redriven yet", async () => {
  const { job, mood } = stubborn(testQueue({ durability: "redis" }));
  await using rig = await startRig({ jobs: [job] });
  await rig.work();
  const { id } = await rig.runtime.producer.enqueue(tenant, job, {});
  await failedIn(rig, id);
  await rig.runtime.database.executeSql(`delete from ${rig.schema}.jobs where id = $1`, [id]);

  await assert.rejects(rig.runtime.redrive.redrive(null, id), { code: "job_settling" });
  mood.fails = false;
  const done = await rig.runtime.producer.enqueue(tenant, job, {});
  await rig.until(async () => (await rig.runtime.redis.find(job.queue, done.id))?.state === "completed");
  await assert.rejects(rig.runtime.redrive.redrive(null, done.id), { code: "job_not_dead" });
});

test("a redriven job that its engine does not take is left to the relay", async () => {
  const { job, mood } = stubborn();
  await using rig = await startRig({ jobs: [job], relay: true });
  await rig.work();
  const { id } = await rig.runtime.producer.enqueue(tenant, job, {});
  await failedIn(rig, id);
  mood.fails = false;
  const { redis, redrive } = rig.runtime;
  const { dispatch } = redis;
  redis.dispatch = async () => {
    redis.dispatch = dispatch;
    return [{ ok: false, error: new Error("away") }];
  };
  await redrive.redrive(null, id);
  assert.equal((await rig.settled(id)).state, "completed");
  assert.ok(rig.lines.some(({ event }) => event === "dispatch.left_to_relay"));
});

test("two who redrive one job give it one set of attempts", async () => {
  const { job } = stubborn();
  await using rig = await startRig({ jobs: [job] });
  const host = await rig.work();
  const { id } = await rig.runtime.producer.enqueue(tenant, job, {});
  await failedIn(rig, id);
  await host.stop(1_000);
  const { redrive, redis } = rig.runtime;
  const outcomes = await Promise.allSettled([redrive.redrive(null, id), redrive.redrive(null, id)]);
  assert.deepEqual(outcomes.map(({ status }) => status).sort(), ["fulfilled", "rejected"]);
  await rig.until(async () => (await redis.counts(job.queue)).waiting === 1);
  assert.equal((await redis.find(job.queue, id))?.spent, 0);
});
