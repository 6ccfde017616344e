import assert from "node:assert/strict";
import { test } from "vitest";
import { noRetry } from "../../src/core/retry.ts";
import { JobControl } from "../../src/dashboard/job-control.ts";
import type { Engine } from "../../src/engines/engine.ts";
import { gate, testJob } from "../rig/jobs.ts";
import { type Rig, startRig, tenant } from "../rig/rig.ts";

function controlOf(rig: Rig, dispatch?: Engine["dispatch"]): JobControl {
  const { redis } = rig.runtime;
  return new JobControl({
    ...rig.runtime,
    engineOf: () => ({
      remove: (queue, id) => redis.remove(queue, id),
      forget: (queue, id) => redis.forget(queue, id),
      find: (queue, id) => redis.find(queue, id),
      dispatch: dispatch ?? ((queue, messages) => redis.dispatch(queue, messages)),
    }),
  });
}

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

  assert.equal(await controlOf(rig).redrive(job.queue, id), "settling");
  assert.equal((await rig.runtime.reader.find(null, id))?.state, "dead");
  end.open();
});

test("a redriven job that its engine does not take is left to the relay", async () => {
  const mood = { fails: true };
  const handle = async () => {
    if (mood.fails) throw new Error("no");
    return null;
  };
  const job = testJob(handle, { retry: noRetry });
  await using rig = await startRig({ jobs: [job], relay: true });
  await rig.work();
  const { id } = await rig.runtime.producer.enqueue(tenant, job, {});
  await rig.until(async () => (await rig.runtime.redis.find(job.queue, id))?.state === "failed");
  mood.fails = false;
  const away: Engine["dispatch"] = async () => [{ ok: false, error: new Error("away") }];
  assert.equal(await controlOf(rig, away).redrive(job.queue, id), "redriven");
  assert.equal((await rig.settled(id)).state, "completed");
});

test("two who redrive one job give it one set of attempts", async () => {
  const job = testJob(() => Promise.reject(new Error("no")), { retry: noRetry });
  await using rig = await startRig({ jobs: [job] });
  const host = await rig.work();
  const { id } = await rig.runtime.producer.enqueue(tenant, job, {});
  await rig.until(async () => (await rig.runtime.redis.find(job.queue, id))?.state === "failed");
  await host.stop(1_000);
  const control = controlOf(rig);
  const outcomes = await Promise.all([control.redrive(job.queue, id), control.redrive(job.queue, id)]);
  assert.deepEqual(outcomes.filter((outcome) => outcome === "redriven").length, 1, outcomes.join());
  assert.equal((await rig.runtime.redis.counts(job.queue)).waiting, 1);
});

test("cancelling twice says that it has ended", async () => {
  const job = testJob(async () => null);
  await using rig = await startRig({ jobs: [job] });
  const { id } = await rig.runtime.producer.enqueue(tenant, job, {});
  const control = controlOf(rig);
  assert.equal(await control.cancel(job.queue, id), "cancelled");
  assert.equal(await control.cancel(job.queue, id), "ended");
  assert.equal(await control.cancel(job.queue, crypto.randomUUID()), "unknown");
});
