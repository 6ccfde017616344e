import assert from "node:assert/strict";
import { test } from "vitest";
import { QueueSettings, UnknownQueue } from "../../src/producer/queue-settings.ts";
import { testJob, testQueue } from "../rig/jobs.ts";
import { startRig, tenant } from "../rig/rig.ts";

const hot = testJob(async () => undefined, { queue: testQueue({ name: "hot" }) });
const cold = testJob(async () => undefined, {
  name: "tests.cold",
  queue: testQueue({ name: "cold", engine: "postgres" }),
});

/* Seen to fail with `apply` answering [] at once: the first test finds the queue resumed. */

test("an engine that forgot what was set is told again, on both engines; one that was never set is left alone", async () => {
  for (const { queue } of [hot, cold]) {
    await using rig = await startRig({ jobs: [hot, cold] });
    const { settings } = rig.runtime;
    const engine = rig.runtime.engineOf(queue);
    await engine.pause(queue); // by somebody else, before anything was set
    assert.deepEqual(await settings.apply(), []);
    assert.equal(await engine.isPaused(queue), true);

    assert.equal(await settings.set(queue.name, true, "key-1"), true);
    await engine.resume(queue); // as if it had been wiped
    assert.deepEqual(await settings.apply(), [queue.name]);
    assert.equal(await engine.isPaused(queue), true);
    assert.deepEqual(await settings.apply(), []);

    await settings.set(queue.name, false, "key-2");
    assert.equal(await engine.isPaused(queue), false);
    const set = (await settings.all()).get(queue.name);
    assert.deepEqual([set?.paused, set?.changedBy], [false, "key-2"]);
  }
});

test("what is set while the engine is away is kept, and told when it is back", async () => {
  await using rig = await startRig({ jobs: [hot] });
  let away = true;
  const engine = rig.runtime.engineOf(hot.queue);
  const flaky = new Proxy(engine, {
    get(target, name) {
      const value = Reflect.get(target, name, target);
      if (typeof value !== "function") return value;
      return (...args: unknown[]) => (away ? Promise.reject(new Error("away")) : value.apply(target, args));
    },
  });
  const settings = new QueueSettings({ ...rig.runtime, queues: [hot.queue], engineOf: () => flaky });
  assert.equal(await settings.set("hot", true, "key-1"), false);
  assert.deepEqual(await settings.apply(), []);
  away = false;
  assert.deepEqual(await settings.apply(), ["hot"]);
  assert.equal(await engine.isPaused(hot.queue), true);
  await assert.rejects(settings.set("nowhere", true, "key-1"), UnknownQueue);
});

test("a paused queue lets what runs go on, takes what comes, and runs it when it is resumed", async () => {
  await using rig = await startRig({ jobs: [hot, cold] });
  await rig.work();
  for (const job of [hot, cold]) {
    await rig.runtime.settings.set(job.queue.name, true, "key-1");
    const { id } = await rig.runtime.producer.enqueue(tenant, job, {});
    await rig.until(async () => (await rig.runtime.reader.find(tenant, id))?.state === "queued");
    assert.deepEqual(
      rig.ends.filter((end) => end.job.name === job.name),
      [],
    );
    await rig.runtime.settings.set(job.queue.name, false, "key-1");
    assert.equal((await rig.settled(id)).state, "completed");
  }
});
