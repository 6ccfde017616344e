import assert from "node:assert/strict";
import { test } from "vitest";
import { z } from "zod";
import { InvalidInput } from "../../src/core/errors.ts";
import { noRetry } from "../../src/core/retry.ts";
import { gate, testJob, testQueue } from "../rig/jobs.ts";
import { startRig, tenant } from "../rig/rig.ts";

const redisOnly = testQueue({ name: "cheap", durability: "redis" });

test("bulk: receipts come in the order of the entries, and every job runs once", async () => {
  const runs: number[] = [];
  const job = testJob(async (payload) => void runs.push(payload.n as number));
  await using rig = await startRig({ jobs: [job] });
  await rig.work();
  const entries = Array.from({ length: 1_200 }, (_, n) => ({
    job,
    payload: { n },
    options: { correlationId: `n${n}` },
  }));
  const receipts = await rig.runtime.producer.enqueueMany(tenant, entries);
  assert.equal(new Set(receipts.map(({ id }) => id)).size, entries.length);
  const seventh = await rig.runtime.reader.find(tenant, receipts[7]!.id);
  assert.equal(seventh?.correlationId, "n7");
  await rig.until(() => runs.length === entries.length);
  await rig.settled(receipts.at(-1)!.id);
  assert.deepEqual(
    runs.toSorted((a, b) => a - b),
    entries.map(({ payload }) => payload.n),
  );
});

test("bulk: one refused entry refuses all, with the path of every problem, and nothing is recorded", async () => {
  const payload = z.strictObject({ n: z.int(), name: z.string().max(3).optional() });
  const job = testJob(async () => undefined, { payload });
  await using rig = await startRig({ jobs: [job] });
  const bad = rig.runtime.producer.enqueueMany(tenant, [
    { job, payload: { n: 1 } },
    { job, payload: { n: "two", name: "toolong" } },
    { job, payload: { n: 3, extra: true }, options: { tags: ["", "x"], runAt: "tomorrow" } },
  ]);
  await assert.rejects(bad, (error: InvalidInput) => {
    assert.ok(error instanceof InvalidInput);
    assert.deepEqual(error.problems.map(({ path }) => path).sort(), [
      "jobs.1.payload.n",
      "jobs.1.payload.name",
      "jobs.2.payload.extra",
      "jobs.2.runAt",
      "jobs.2.tags.0",
    ]);
    return true;
  });
  const { rows } = await rig.runtime.database.executeSql(`select count(*)::int as count from ${rig.schema}.jobs`);
  assert.equal(rows[0]!.count, 0);
});

test("priority: high runs before normal, normal before low, whatever came first", async () => {
  const order: string[] = [];
  const queue = testQueue({ concurrency: 1 });
  const job = testJob(async (payload) => void order.push(payload.word as string), { queue });
  await using rig = await startRig({ jobs: [job] });
  const { producer } = rig.runtime;
  const receipts = [
    await producer.enqueue(tenant, job, { word: "low" }, { priority: "low" }),
    await producer.enqueue(tenant, job, { word: "normal" }),
    await producer.enqueue(tenant, job, { word: "high" }, { priority: "high" }),
  ];
  await rig.until(async () => (await rig.runtime.redis.counts(queue)).waiting === 3);
  await rig.work();
  await Promise.all(receipts.map(({ id }) => rig.settled(id)));
  assert.deepEqual(order, ["high", "normal", "low"]);
});

test("a queue in the order of arrival refuses a priority by its path, and heeds none", async () => {
  const order: unknown[] = [];
  const queue = testQueue({ concurrency: 1, order: "fifo" });
  const job = testJob(async ({ word }) => void order.push(word), { queue });
  await using rig = await startRig({ jobs: [job] });
  const { producer } = rig.runtime;
  for (const priority of ["high", "low"] as const)
    await assert.rejects(producer.enqueue(tenant, job, {}, { priority }), ({ problems }: InvalidInput) => {
      assert.deepEqual(
        problems.map(({ path, code }) => [path, code]),
        [["priority", "priority_unsupported"]],
      );
      assert.match(problems[0]!.message, /"tests".*"fifo"/);
      return true;
    });
  const receipts = [
    await producer.enqueue(tenant, job, { word: 1 }),
    await producer.enqueue(tenant, job, { word: 2 }, { priority: "normal" }),
  ];
  await rig.until(async () => (await rig.runtime.redis.counts(queue)).waiting === 2);
  await rig.work();
  await Promise.all(receipts.map(({ id }) => rig.settled(id)));
  assert.deepEqual(order, [1, 2]);
});

test("a job due far ahead is a row and not in Redis, also on a redis-durable queue; the relay sends it when due", async () => {
  const job = testJob(async () => "ran", { queue: redisOnly });
  await using rig = await startRig({ jobs: [job], relay: true });
  await rig.work();
  const runAt = new Date(Date.now() + 3_600_000).toISOString();
  const { id, state } = await rig.runtime.producer.enqueue(tenant, job, {}, { runAt });
  assert.equal(state, "scheduled");
  assert.equal(await rig.runtime.redis.find(redisOnly, id), null);
  // An hour later, as far as the row is concerned.
  await rig.runtime.database.executeSql(
    `update ${rig.schema}.jobs set run_at = now(), relay_at = now() where id = $1`,
    [id],
  );
  assert.equal((await rig.settled(id)).result, "ran");
});

test("a job due within a minute waits in the engine and starts on time", async () => {
  const started = gate<number>();
  const job = testJob(async () => started.open(Date.now()));
  await using rig = await startRig({ jobs: [job] });
  await rig.work();
  const due = Date.now() + 700;
  await rig.runtime.producer.enqueue(tenant, job, {}, { runAt: new Date(due).toISOString() });
  assert.ok((await started.promise) >= due - 1, "never early");
});

test("a redis-durable job leaves no row when it completes, and one when it dies", async () => {
  const job = testJob(
    async (payload) => {
      if (payload.fail) throw new Error("no");
      return { sum: 3 };
    },
    { queue: redisOnly, retry: noRetry },
  );
  await using rig = await startRig({ jobs: [job] });
  await rig.work();
  const good = await rig.runtime.producer.enqueue(tenant, job, {});
  assert.equal(good.state, "queued");
  const bad = await rig.runtime.producer.enqueue(tenant, job, { fail: true });
  assert.equal((await rig.settled(bad.id)).state, "dead");
  const kept = await rig.until(async () => {
    const found = await rig.runtime.redis.find(redisOnly, good.id);
    return found?.state === "completed" && found;
  });
  assert.deepEqual(kept.result, { sum: 3 });
  assert.equal(await rig.runtime.reader.find(tenant, good.id), null);
});

test("one key: a second request joins the living job, on both kinds of durability", async () => {
  for (const queue of [testQueue(), redisOnly]) {
    const go = gate();
    const job = testJob(() => go.promise, { queue });
    await using rig = await startRig({ jobs: [job] });
    const first = await rig.runtime.producer.enqueue(tenant, job, {}, { deduplicationKey: "k" });
    const second = await rig.runtime.producer.enqueue(tenant, job, {}, { deduplicationKey: "k" });
    assert.equal(first.duplicate, false);
    assert.equal(second.duplicate, true);
    assert.equal(second.id, first.id, queue.durability);
    const other = await rig.runtime.producer.enqueue("another", job, {}, { deduplicationKey: "k" });
    assert.notEqual(other.id, first.id);
    go.open();
  }
});

test("work on the Postgres engine: the handler cannot tell the difference", async () => {
  const queue = testQueue({ name: "house", engine: "postgres" });
  const job = testJob(async (payload, ctx) => ({ saw: payload.word, attempt: ctx.attempt }), { queue });
  await using rig = await startRig({ jobs: [job] });
  await rig.work();
  const { id } = await rig.runtime.producer.enqueue(tenant, job, { word: "hello" });
  assert.deepEqual((await rig.settled(id)).result, { saw: "hello", attempt: 1 });
});
