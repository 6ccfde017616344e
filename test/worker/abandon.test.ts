import assert from "node:assert/strict";
import { test } from "vitest";
import { gate, testJob, testQueue } from "../rig/jobs.ts";
import { startRig, tenant } from "../rig/rig.ts";

// Seen to fail when the attempt waits for its handler (`Attempt.#run` without `ignored`): the only slot stays taken.
test("a handler that ignores its signal is left behind: its slot is free, it changes nothing, and it is reported by name", async () => {
  const go = gate();
  const late = gate<unknown>();
  const queue = testQueue({ concurrency: 1 });
  const deaf = testJob(
    async (_payload, ctx) => {
      if (ctx.attempt > 1) return "second";
      await go.promise;
      ctx.progress(0.9, "too late");
      late.open(await ctx.step("pay", () => "paid").catch((error) => error.code));
      return "first";
    },
    { name: "tests.deaf", queue, timeoutMs: 100 },
  );
  const other = testJob(async () => "done", { name: "tests.other", queue });
  await using rig = await startRig({ jobs: [deaf, other] });
  await rig.work([queue], { abandonAfterMs: 200 });
  const { id } = await rig.runtime.producer.enqueue(tenant, deaf, {});
  const next = await rig.runtime.producer.enqueue(tenant, other, {});

  assert.equal((await rig.settled(next.id)).state, "completed", "the slot is free");
  const view = await rig.settled(id);
  assert.deepEqual(
    view.attempts.map((attempt) => attempt.outcome),
    ["timed-out", "completed"],
  );
  const [incident] = await rig.until(async () => {
    const open = await rig.runtime.incidents.list({ state: "open", limit: 10 });
    return open.length > 0 && open;
  });
  assert.deepEqual([incident!.kind, incident!.subject], ["handler_ignored_signal", "job/tests.deaf"]);
  const { jobId, reason, ignoredForMs } = incident!.details;
  assert.deepEqual({ jobId, reason, ignoredForMs }, { jobId: id, reason: "attempt_timed_out", ignoredForMs: 200 });

  go.open();
  assert.equal(await late.promise, "lease_lost", "what it does late is refused");
  await rig.until(async () => (await rig.runtime.incidents.list({ state: "open", limit: 10 })).length === 0);
  const after = await rig.runtime.reader.find(tenant, id);
  assert.deepEqual([after!.result, after!.progress.note, after!.steps], ["second", null, []]);
});

// Seen to fail when the signal is not passed to the thread pool: the thread spins on, and the slot with it.
test("a render that is cancelled ends with its thread, however busy it is", async () => {
  const begun = gate();
  const queue = testQueue({ runsIn: "thread", concurrency: 1 });
  const spin = testJob(
    async (_payload, ctx) => {
      const spinning = ctx.thread(new URL("./threads/spin.thread.ts", import.meta.url), { forMs: 60_000 });
      begun.open();
      return spinning;
    },
    { queue, timeoutMs: 60_000 },
  );
  await using rig = await startRig({ jobs: [spin] });
  await rig.work();
  const { id } = await rig.runtime.producer.enqueue(tenant, spin, {});
  await begun.promise;
  await rig.runtime.ledger.cancel(tenant, id);
  assert.equal((await rig.settled(id)).state, "cancelled");
  assert.equal(
    rig.lines.some(({ event }) => event === "attempt.abandoned"),
    false,
  );
});
