import assert from "node:assert/strict";
import { test } from "vitest";
import { gate, testJob, testQueue, untilAborted } from "../rig/jobs.ts";
import { startRig, tenant } from "../rig/rig.ts";

test("a waiting job is cancelled and leaves its engine; the second time it has ended", async () => {
  const job = testJob(async () => null);
  await using rig = await startRig({ jobs: [job] });
  const { producer, cancellation, redis } = rig.runtime;
  const { id } = await producer.enqueue(tenant, job, {});
  await rig.until(() => redis.find(job.queue, id));
  const { asked, view } = await cancellation.cancel(null, id);
  assert.deepEqual([asked, view.state], [false, "cancelled"]);
  assert.equal(await redis.find(job.queue, id), null);
  await assert.rejects(cancellation.cancel(null, id), { code: "job_already_ended" });
  await assert.rejects(cancellation.cancel(null, crypto.randomUUID()), { code: "job_not_found" });
});

test("a running job is asked, and stops through its signal", async () => {
  const begun = gate();
  const job = testJob(async (_payload, { signal }) => {
    begun.open();
    return untilAborted(signal);
  });
  await using rig = await startRig({ jobs: [job] });
  await rig.work();
  const { id } = await rig.runtime.producer.enqueue(tenant, job, {});
  await begun.promise;
  assert.equal((await rig.runtime.cancellation.cancel(tenant, id)).asked, true);
  assert.equal((await rig.settled(id)).state, "cancelled");
});

test("a job whose only record is Redis is cancelled while it waits, and not once it runs", async () => {
  const begun = gate();
  const end = gate();
  const hold = async () => {
    begun.open();
    await end.promise;
  };
  const job = testJob(hold, { queue: testQueue({ durability: "redis", concurrency: 1 }) });
  await using rig = await startRig({ jobs: [job] });
  await rig.work();
  const { producer, cancellation, lookup } = rig.runtime;
  const running = await producer.enqueue(tenant, job, {});
  await begun.promise;
  const waiting = await producer.enqueue(tenant, job, {});
  await assert.rejects(cancellation.cancel("globex", waiting.id), { code: "job_not_found" });
  assert.equal((await cancellation.cancel(tenant, waiting.id)).view.state, "cancelled");
  assert.equal(await lookup.find(null, waiting.id), null);
  await assert.rejects(cancellation.cancel(tenant, running.id), { code: "job_is_running" });
  end.open();
});
