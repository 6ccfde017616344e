import assert from "node:assert/strict";
import { test } from "vitest";
import { z } from "zod";
import { batchSummary } from "../../src/core/batch.ts";
import { Catalog } from "../../src/core/catalog.ts";
import type { JobDefinition } from "../../src/core/job.ts";
import { Batches } from "../../src/ledger/batches.ts";
import { BatchProducer } from "../../src/producer/batch-producer.ts";
import { BatchSweeper } from "../../src/producer/batch-sweeper.ts";
import type { Producer } from "../../src/producer/producer.ts";
import { gate, testJob, testQueue } from "../rig/jobs.ts";
import { type Rig, startRig, tenant } from "../rig/rig.ts";

const queue = testQueue();
const work = testJob(async () => null, { queue });
const complete = testJob(async () => null, {
  queue,
  name: "tests.complete",
  payload: z.strictObject({ batch: batchSummary }),
});

/** A rig whose scheduler is the test: `sweeper()` makes one that sweeps when it is told to. */
async function stage(jobs: readonly JobDefinition[] = [work, complete]) {
  const rig = await startRig({ jobs: [work, complete] });
  const { runtime } = rig;
  const batches = new Batches(runtime.database);
  const producer = new BatchProducer(runtime.producer, batches);
  const sweeper = (through: Producer = runtime.producer) =>
    new BatchSweeper({
      batches,
      producer: through,
      catalog: new Catalog(jobs, [queue]),
      listener: runtime.listener,
      log: runtime.log,
    });
  const ended = async (total: number) => {
    const entries = Array.from({ length: total }, () => ({ job: work, payload: {} }));
    const completion = { job: complete, payload: {}, options: {} };
    const { id } = await producer.create(tenant, { entries, completion, open: false }, {});
    await rig.until(async () => (await batches.find(tenant, id))?.open === 0);
    return id;
  };
  return { rig, batches, sweeper, ended };
}

const completions = async (rig: Rig): Promise<number> =>
  (await rig.runtime.reader.list({ tenant, job: "tests.complete", limit: 100 })).length;

// Seen to fail (several completion jobs per batch) without `for update` in claimReady and `finished_at is null` in finish.
test("of many sweepers at once, each batch is finished by one, with one completion job", async () => {
  const { rig, sweeper, ended, batches } = await stage();
  await using _ = rig;
  await rig.work();
  const ids = await Promise.all([3, 1, 2, 5, 4].map(ended));
  const sweeps = await Promise.all(Array.from({ length: 6 }, () => sweeper().sweep()));
  assert.equal(
    sweeps.reduce((sum, count) => sum + count, 0),
    ids.length,
  );
  assert.equal(await completions(rig), ids.length);
  const views = await Promise.all(ids.map((id) => batches.find(tenant, id)));
  assert.equal(new Set(views.map((view) => view!.completion!.jobId)).size, ids.length);
  assert.equal(await sweeper().sweep(), 0);
});

// The end and the completion job are one commit. Seen to fail with the completion enqueued outside the transaction (two jobs).
test("a sweeper that is cut off while it finishes a batch leaves it to the next, which completes it once", async () => {
  const { rig, sweeper, ended, batches } = await stage();
  await using _ = rig;
  await rig.work();
  const id = await ended(2);
  const reached = gate<number>();
  const cut = gate();
  const { producer } = rig.runtime;
  /** Stands still after the completion job is written, before the batch is ended. */
  const doomed = {
    transaction: (run: Parameters<Producer["transaction"]>[0]) => producer.transaction(run),
    enqueue: async (...args: Parameters<Producer["enqueue"]>) => {
      const receipt = await producer.enqueue(...args);
      const { rows } = await args[4]!.in!.executeSql("select pg_backend_pid() as pid");
      reached.open(rows[0]!.pid);
      await cut.promise;
      return receipt;
    },
  } as unknown as Producer;
  const failing = sweeper(doomed).sweep();
  const pid = await reached.promise;
  assert.equal(await sweeper().sweep(), 0, "locked: the first one may still finish it");
  await rig.runtime.database.executeSql("select pg_terminate_backend($1)", [pid]);
  cut.open();
  await assert.rejects(failing);
  await rig.until(async () => (await sweeper().sweep()) === 1); // Postgres tells of the cut before it lets go of the lock
  assert.equal(await completions(rig), 1);
  assert.ok((await batches.find(tenant, id))?.completion?.jobId);
});

// Seen to fail without the subquery on open jobs in claimReady.
test("a batch is not finished while one of its jobs is open, nor before it is sealed", async () => {
  const { rig, sweeper, batches } = await stage();
  await using _ = rig;
  const producer = new BatchProducer(rig.runtime.producer, batches);
  const batch = { entries: [{ job: work, payload: {} }], completion: null, open: true };
  const { id } = await producer.create(tenant, batch, {});
  await producer.seal(tenant, id);
  assert.equal(await sweeper().sweep(), 0, "its job waits");
  const other = await producer.create(tenant, { ...batch, entries: [] }, {});
  assert.equal(await sweeper().sweep(), 0, "it may still be filled");
  await producer.seal(tenant, other.id);
  assert.equal(await sweeper().sweep(), 1);
  await rig.work();
  await rig.until(async () => (await batches.find(tenant, id))?.open === 0);
  assert.equal(await sweeper().sweep(), 1);
});

test("a batch whose last job ended unseen is found: nobody has to be told", async () => {
  const { rig, ended, batches } = await stage();
  await using _ = rig;
  await rig.work();
  const id = await ended(1); // ended before there was any sweeper
  const { runtime } = rig;
  const late = new BatchSweeper({ batches, ...runtime.workerOptions([]) });
  await late.start();
  await rig.until(async () => (await batches.find(tenant, id))?.finishedAt);
  await late.stop();
});

test("a release that does not know the completion job leaves the batch to one that does, and hinders no other", async () => {
  const old = await stage([work]);
  await using rig = old.rig;
  await rig.work();
  await old.ended(1);
  assert.equal(await old.sweeper().sweep(), 0);
  assert.equal(rig.lines.filter(({ event }) => event === "batch.completion_unknown").length, 1);
  const now = new BatchSweeper({ batches: old.batches, ...rig.runtime.workerOptions([]) });
  assert.equal(await now.sweep(), 1);
});

test("a completion whose stored payload no longer fits ends the batch and says so", async () => {
  const { rig, sweeper, ended, batches } = await stage();
  await using _ = rig;
  await rig.work();
  const id = await ended(1);
  await rig.runtime.database.executeSql(
    `update ${rig.schema}.batches set completion = '{"job":"tests.complete","payload":{"gone":1},"payloadVersion":1,"options":{}}'`,
  );
  assert.equal(await sweeper().sweep(), 1);
  const batch = await batches.find(tenant, id);
  assert.ok(batch?.finishedAt);
  assert.deepEqual([batch.completion?.jobId, batch.completion?.error?.code], [null, "invalid_input"]);
});
