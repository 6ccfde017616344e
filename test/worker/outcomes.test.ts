import assert from "node:assert/strict";
import { test } from "vitest";
import type { JobDefinition } from "../../src/core/job.ts";
import { CancelJob, RetryAfter, SnoozeJob } from "../../src/core/outcome.ts";
import { fixed } from "../../src/core/retry.ts";
import type { JobView } from "../../src/ledger/job-reader.ts";
import { gate, testJob, untilAborted } from "../rig/jobs.ts";
import { startRig, tenant } from "../rig/rig.ts";

/** What becomes of a job on a worker of its own. */
async function end(job: JobDefinition): Promise<JobView> {
  await using rig = await startRig({ jobs: [job] });
  await rig.work();
  const { id } = await rig.runtime.producer.enqueue(tenant, job, {});
  return await rig.settled(id); // before the rig is gone
}

test("an accepted job runs once and keeps its result", async () => {
  let runs = 0;
  const job = testJob(async (payload, ctx) => {
    runs += 1;
    return { saw: payload.word, attempt: ctx.attempt, tenant: ctx.tenant };
  });
  await using rig = await startRig({ jobs: [job] });
  await rig.work();
  const receipt = await rig.runtime.producer.enqueue(tenant, job, { word: "hello" });
  const view = await rig.settled(receipt.id);
  assert.equal(view.state, "completed");
  assert.deepEqual(view.result, { saw: "hello", attempt: 1, tenant });
  assert.equal(runs, 1);
  assert.deepEqual(
    view.attempts.map(({ number, outcome }) => ({ number, outcome })),
    [{ number: 1, outcome: "completed" }],
  );
});

test("a failing job is tried as often as its policy says, then is a dead letter with its error", async () => {
  const job = testJob(
    async () => {
      throw new TypeError("the address a@b.example is unknown");
    },
    { retry: fixed({ attempts: 3, delayMs: 10 }) },
  );
  const view = await end(job);
  assert.equal(view.state, "dead");
  assert.deepEqual(
    view.attempts.map((attempt) => attempt.outcome),
    ["failed", "failed", "failed"],
  );
  assert.equal(view.error?.code, "handler_error");
  assert.doesNotMatch(JSON.stringify(view), /a@b\.example/, "a foreign message may be personal and must not be stored");
});

test("snooze and retry-after wait without spending an attempt", async () => {
  let runs = 0;
  const job = testJob(
    async () => {
      runs += 1;
      if (runs === 1) throw new SnoozeJob("not_yet", 10);
      if (runs === 2) throw new RetryAfter(10);
      if (runs === 3) throw new Error("a real failure");
      return "done";
    },
    { retry: fixed({ attempts: 2, delayMs: 10 }) },
  );
  const view = await end(job);
  assert.equal(view.state, "completed");
  assert.deepEqual(
    view.attempts.map((attempt) => attempt.outcome),
    ["snoozed", "snoozed", "failed", "completed"],
  );
});

test("a handler that cancels its job ends it without another attempt", async () => {
  const job = testJob(async () => {
    throw new CancelJob("obligation_not_found");
  });
  const view = await end(job);
  assert.equal(view.state, "cancelled");
  assert.equal(view.error?.code, "obligation_not_found");
  assert.equal(view.attempts.length, 1);
});

test("an attempt past its timeout is aborted and retried", async () => {
  const job = testJob(
    async (_payload, ctx) => {
      if (ctx.attempt === 1) await untilAborted(ctx.signal);
      return ctx.attempt;
    },
    { timeoutMs: 100 },
  );
  const view = await end(job);
  assert.equal(view.state, "completed");
  assert.deepEqual(
    view.attempts.map((attempt) => attempt.outcome),
    ["timed-out", "completed"],
  );
});

test("a waiting job is cancelled at once; a running one through its signal, on whatever process", async () => {
  const begun = gate();
  const job = testJob(async (_payload, ctx) => {
    begun.open();
    await untilAborted(ctx.signal);
  });
  await using rig = await startRig({ jobs: [job] });
  const waiting = await rig.runtime.producer.enqueue(tenant, job, {});
  assert.equal((await rig.runtime.ledger.cancel(tenant, waiting.id))?.after, "cancelled");

  const running = await rig.runtime.producer.enqueue(tenant, job, {});
  await rig.work();
  await begun.promise;
  assert.equal((await rig.runtime.ledger.cancel(tenant, running.id))?.after, "running");
  const view = await rig.settled(running.id);
  assert.equal(view.state, "cancelled");
  assert.equal(view.attempts.length, 1);
  assert.equal((await rig.settled(waiting.id)).attempts.length, 0, "the cancelled one never ran");
});

test("a drained job waits again at once and has spent no attempt", async () => {
  const begun = gate();
  let runs = 0;
  const job = testJob(async (_payload, ctx) => {
    runs += 1;
    if (runs > 1) return "second";
    begun.open();
    await untilAborted(ctx.signal);
  });
  await using rig = await startRig({ jobs: [job] });
  const first = await rig.work();
  const { id } = await rig.runtime.producer.enqueue(tenant, job, {});
  await begun.promise;
  await first.stop(50);
  assert.equal((await rig.runtime.reader.find(tenant, id))?.state, "queued");
  await rig.work();
  const view = await rig.settled(id);
  assert.equal(view.state, "completed");
  assert.deepEqual(
    view.attempts.map((attempt) => attempt.outcome),
    ["released", "completed"],
  );
  const inEngine = await rig.until(async () => {
    const found = await rig.runtime.redis.find(job.queue, id); // told after the ledger
    return found?.state === "completed" && found;
  });
  assert.equal(inEngine.spent, 1, "only the completing execution was counted by the engine");
});

test("progress is visible while the job runs", async () => {
  const go = gate();
  const job = testJob(async (_payload, ctx) => {
    ctx.progress(0.4, "page 2 of 5");
    await go.promise;
  });
  await using rig = await startRig({ jobs: [job] });
  await rig.work();
  const { id } = await rig.runtime.producer.enqueue(tenant, job, {});
  const seen = await rig.until(async () => {
    const view = await rig.runtime.reader.find(tenant, id);
    return view?.progress.note ? view : null;
  });
  assert.equal(seen.state, "running");
  assert.ok(Math.abs(seen.progress.fraction - 0.4) < 1e-6);
  go.open();
  assert.equal((await rig.settled(id)).progress.fraction, 1);
});
