import assert from "node:assert/strict";
import { afterAll, beforeAll, test } from "vitest";
import { gate, testJob, testQueue, untilAborted } from "../rig/jobs.ts";
import { type Served, serve } from "./served.ts";

const queue = testQueue();
const shelf = testQueue({ name: "shelf" }); // nobody serves it
const started = gate<string>();
const leaf = testJob(async () => null, { queue: shelf, name: "tests.leaf" });
const stubborn = testJob(
  async (_payload, ctx) => {
    started.open(ctx.jobId);
    return untilAborted(ctx.signal);
  },
  { queue, name: "tests.stubborn" },
);
const branch = testJob(async (_payload, ctx) => [ctx.enqueue(leaf, {}), ctx.enqueue(leaf, {})], {
  queue,
  name: "tests.branch",
});
const root = testJob(
  async ({ running }, ctx) => [ctx.enqueue(branch, {}), ctx.enqueue(running ? stubborn : leaf, {})],
  { queue, name: "tests.root" },
);

let api: Served;
beforeAll(async () => {
  api = await serve({ jobs: [leaf, stubborn, branch, root] });
  await api.rig.work([queue]);
});
afterAll(() => api[Symbol.asyncDispose]());

const cancel = (id: string, query = "") => api.ask(`/v1/jobs/${id}${query}`, { method: "DELETE" });
const state = async (id: string) => (await api.ask(`/v1/jobs/${id}`)).body.state;

/** A root that has completed, its branch that has, and the open jobs below both. */
async function grow(payload: object) {
  const { body } = await api.ask("/v1/jobs/tests.root", { json: { payload } });
  const [branchId, otherId] = (await api.rig.settled(body.id)).result as [string, string];
  const leaves = (await api.rig.settled(branchId)).result as string[];
  await api.rig.until(async () => (await api.rig.runtime.redis.find(shelf, leaves[0]!))?.state === "waiting");
  return { rootId: body.id as string, branchId, otherId, leaves };
}

// Both were seen to fail with the recursive part taken out of `Family`'s statement.

test("with children=true the descendants that wait are cancelled at once, and leave their engine", async () => {
  const { rootId, branchId, otherId, leaves } = await grow({});
  assert.equal((await cancel(rootId)).status, 409, "the job alone has ended");
  const { status, body } = await cancel(rootId, "?children=true");
  assert.deepEqual([status, body.id, body.state], [200, rootId, "completed"]);
  for (const id of [otherId, ...leaves]) assert.equal(await state(id), "cancelled");
  assert.equal(await state(branchId), "completed", "what had ended stays as it was");
  assert.equal(await api.rig.runtime.redis.find(shelf, leaves[0]!), null);
  const again = await cancel(rootId, "?children=true");
  assert.deepEqual([again.status, again.body.code], [409, "job_already_ended"]);
});

test("a descendant that runs is stopped through its signal", async () => {
  const { rootId, otherId, leaves } = await grow({ running: true });
  assert.equal(await started.promise, otherId);
  const { status } = await cancel(rootId, "?children=true");
  assert.equal(status, 202);
  const ended = await api.ask(`/v1/jobs/${otherId}?wait=1m`);
  assert.equal(ended.body.state, "cancelled");
  for (const id of leaves) assert.equal(await state(id), "cancelled");
});

test("without it, and for others, children are left alone", async () => {
  const { body } = await api.ask("/v1/jobs/tests.root", { json: { payload: {} } });
  await api.rig.settled(body.id);
  const { otherId } = await grow({});
  assert.equal((await cancel(body.id, "?children=false")).status, 409);
  assert.equal((await cancel(body.id, "?children=maybe")).status, 422);
  const stranger = await api.ask(`/v1/jobs/${body.id}?children=true`, { method: "DELETE", key: api.key.stranger });
  assert.deepEqual([stranger.status, stranger.body.code], [404, "job_not_found"]);
  assert.equal(await state(otherId), "queued");
});
