import assert from "node:assert/strict";
import { test } from "vitest";
import { noRetry } from "../../src/core/retry.ts";
import { ThreadError, ThreadPool } from "../../src/worker/thread.ts";
import { testJob, testQueue } from "../rig/jobs.ts";
import { startRig, tenant } from "../rig/rig.ts";

const module = (name: string) => new URL(`./threads/${name}.thread.ts`, import.meta.url);
const never = new AbortController().signal;
const forever = 90_000; // ms: a task that only a kill ends

async function withPool(
  options: { threads: number; heapMb?: number; recycleAfter?: number },
  work: (pool: ThreadPool) => Promise<void>,
) {
  const pool = new ThreadPool(options);
  try {
    await work(pool);
  } finally {
    await pool.stop();
  }
}

test("a task whose signal aborts is killed with its thread, and the next one has a fresh thread", async () => {
  await withPool({ threads: 1 }, async (pool) => {
    const first = (await pool.run(module("spin"), { forMs: 0 }, never)) as { threadId: number };
    const stop = new AbortController();
    const spinning = pool.run(module("spin"), { forMs: forever }, stop.signal);
    stop.abort(new Error("enough"));
    await assert.rejects(spinning, /enough/);
    const next = (await pool.run(module("spin"), { forMs: 0 }, never)) as { threadId: number };
    assert.notEqual(next.threadId, first.threadId);
  });
});

test("a task that wants more than the heap cap fails alone; the process and the pool go on", async () => {
  await withPool({ threads: 1, heapMb: 64 }, async (pool) => {
    await assert.rejects(pool.run(module("greedy"), {}, never), /memory/i);
    assert.ok(await pool.run(module("spin"), { forMs: 0 }, never));
  });
});

test("after so many tasks the threads are replaced", async () => {
  await withPool({ threads: 1, recycleAfter: 3 }, async (pool) => {
    const ids: number[] = [];
    for (let task = 0; task < 7; task += 1)
      ids.push(((await pool.run(module("spin"), { forMs: 0 }, never)) as { threadId: number }).threadId);
    assert.deepEqual([new Set(ids.slice(0, 3)).size, new Set(ids.slice(3, 6)).size, new Set(ids).size], [1, 1, 3]);
  });
});

test("an error keeps its code, details and permanence across the border; a foreign message stays behind", async () => {
  await withPool({ threads: 1 }, async (pool) => {
    await assert.rejects(pool.run(module("fussy"), { permanent: true }, never), (error: ThreadError) => {
      assert.ok(error instanceof ThreadError);
      assert.deepEqual([error.code, error.permanent, error.details], ["refused_here", true, { path: "a.b" }]);
      return true;
    });
    await assert.rejects(pool.run(module("fussy"), { permanent: false }, never), (error: ThreadError) => {
      assert.deepEqual([error.code, error.permanent], ["handler_error", false]);
      assert.doesNotMatch(error.message, /secret/);
      return true;
    });
  });
});

test("work in a thread leaves the event loop free, and a timeout kills it", async () => {
  const queue = testQueue({ runsIn: "thread", concurrency: 1 });
  const job = testJob((_payload, ctx) => ctx.thread(module("spin"), { forMs: forever }), {
    queue,
    retry: noRetry,
    timeoutMs: 1_000,
  });
  await using rig = await startRig({ jobs: [job] });
  await rig.work();
  const { id } = await rig.runtime.producer.enqueue(tenant, job, {});
  const view = await rig.settled(id);
  assert.deepEqual(
    [view.state, view.error?.code],
    ["dead", "attempt_timed_out"],
    "a task in the loop would hold its timer up",
  );
});

test("asking for a thread on a queue that runs in the loop is said clearly, in the log and not as a hang", async () => {
  const job = testJob((_payload, ctx) => ctx.thread(module("spin"), { forMs: 0 }), { retry: noRetry });
  await using rig = await startRig({ jobs: [job] });
  await rig.work();
  const { id } = await rig.runtime.producer.enqueue(tenant, job, {});
  assert.equal((await rig.settled(id)).state, "dead");
});
