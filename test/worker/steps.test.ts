import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "vitest";
import { fixed, noRetry } from "../../src/core/retry.ts";
import { testJob, testQueue } from "../rig/jobs.ts";
import { startRig, tenant } from "../rig/rig.ts";

// Each of these was seen to fail with StepMemory.run reduced to `return fn()`, except the last two, which test its refusals.

test("a retry does not repeat a finished step and gets its value", async () => {
  const calls: string[] = [];
  const job = testJob(
    async (_payload, ctx) => {
      const first = await ctx.step("charge", () => {
        calls.push("charge");
        return { receipt: `r-${calls.length}`, at: new Date(0) };
      });
      const second = await ctx.step("nothing", () => void calls.push("nothing"));
      if (ctx.attempt < 3) throw new Error("after the steps");
      return { first, second: second ?? null };
    },
    { retry: fixed({ attempts: 3, delayMs: 10 }) },
  );
  await using rig = await startRig({ jobs: [job] });
  await rig.work();
  const { id } = await rig.runtime.producer.enqueue(tenant, job, {});
  const view = await rig.settled(id);
  assert.equal(view.state, "completed");
  assert.deepEqual(calls, ["charge", "nothing"]);
  assert.deepEqual(view.result, { first: { receipt: "r-1", at: "1970-01-01T00:00:00.000Z" }, second: null });
  assert.deepEqual(
    view.steps.map(({ name, attempt }) => ({ name, attempt })),
    [
      { name: "charge", attempt: 1 },
      { name: "nothing", attempt: 1 },
    ],
  );
});

test("a step that fails is not stored: the retry does it again", async () => {
  let calls = 0;
  const job = testJob((_payload, ctx) =>
    ctx.step("flaky", () => {
      calls += 1;
      if (calls === 1) throw new Error("once");
      return calls;
    }),
  );
  await using rig = await startRig({ jobs: [job] });
  await rig.work();
  const { id } = await rig.runtime.producer.enqueue(tenant, job, {});
  assert.equal((await rig.settled(id)).result, 2);
});

test("the first attempt sees what later attempts would: a value goes through JSON", async () => {
  const job = testJob(async (_payload, ctx) => typeof (await ctx.step("date", () => new Date(0))));
  await using rig = await startRig({ jobs: [job] });
  await rig.work();
  const { id } = await rig.runtime.producer.enqueue(tenant, job, {});
  assert.equal((await rig.settled(id)).result, "string");
});

for (const [what, code, step] of [
  [
    "a name used twice",
    "step_name_reused",
    [
      ["same", 1],
      ["same", 2],
    ],
  ],
  ["a value above 256 KiB", "step_value_refused", [["big", randomBytes(150_000).toString("hex")]]],
  ["a value that is not JSON", "step_value_refused", [["odd", 1n]]],
] as const)
  test(`${what} is a permanent error with its code`, async () => {
    const job = testJob(async (_payload, ctx) => {
      for (const [name, value] of step) await ctx.step(name, () => value);
    });
    await using rig = await startRig({ jobs: [job] });
    await rig.work();
    const { id } = await rig.runtime.producer.enqueue(tenant, job, {});
    const view = await rig.settled(id);
    assert.deepEqual([view.state, view.error?.code, view.attempts.length], ["dead", code, 1]);
  });

test("steps need a row to be remembered in: a redis-durable job is told so", async () => {
  const job = testJob((_payload, ctx) => ctx.step("a", () => 1), {
    queue: testQueue({ durability: "redis" }),
    retry: noRetry,
  });
  await using rig = await startRig({ jobs: [job] });
  await rig.work();
  const { id } = await rig.runtime.producer.enqueue(tenant, job, {});
  assert.equal((await rig.settled(id)).error?.code, "step_needs_ledger");
});
