import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { test } from "vitest";
import { noRetry } from "../../src/core/retry.ts";
import { gate, testJob, testQueue, untilAborted } from "../rig/jobs.ts";
import { tenant } from "../rig/rig.ts";
import { raise, type Stage } from "./stage.ts";

const nothing = testJob(async () => null);
/** Fails until the test lets it succeed. */
function stubborn() {
  const mood = { fails: true };
  const job = testJob(
    async () => {
      if (mood.fails) throw new Error("not today");
      return { done: true };
    },
    { retry: noRetry },
  );
  return { mood, job };
}

const bullOf = (stage: Stage, at = 0) => stage.rig.runtime.redis.queue(stage.rig.runtime.queuesOn("redis")[at]!);
const stateOf = async (stage: Stage, id: string) => (await stage.rig.runtime.reader.find(null, id))?.state;
const waiting = (stage: Stage, id: string) => stage.rig.until(async () => (await stateOf(stage, id)) === "queued");
const messageOf = async (answer: Response) => ((await answer.json()) as { message: string }).message;

test("an operator pauses and resumes a queue, and both are in the audit", async () => {
  await using stage = await raise({ jobs: [nothing] });
  const operator = await stage.visitor("operator");
  assert.equal((await operator.put("/board/api/queues/tests/pause")).status, 200);
  assert.equal(await bullOf(stage).isPaused(), true);
  assert.equal((await operator.put("/board/api/queues/tests/resume")).status, 200);
  assert.equal(await bullOf(stage).isPaused(), false);
  const deed = {
    tenant: "*",
    actor: operator.keyId,
    subject: "queue/tests",
    details: { role: "operator", status: 200 },
  };
  assert.deepEqual(await stage.deeds(), [
    { ...deed, action: "queue.pause" },
    { ...deed, action: "queue.resume" },
  ]);
});

test("all queues are paused and resumed together", async () => {
  const other = testJob(async () => null, { name: "tests.other", queue: testQueue({ name: "other" }) });
  await using stage = await raise({ jobs: [nothing, other] });
  const operator = await stage.visitor("operator");
  assert.equal((await operator.put("/board/api/queues/pause")).status, 200);
  assert.deepEqual([await bullOf(stage, 0).isPaused(), await bullOf(stage, 1).isPaused()], [true, true]);
  assert.equal((await operator.put("/board/api/queues/resume")).status, 200);
  assert.deepEqual([await bullOf(stage, 0).isPaused(), await bullOf(stage, 1).isPaused()], [false, false]);
});

test("retrying a dead job redrives it in the ledger, and it runs", async () => {
  const { job, mood } = stubborn();
  await using stage = await raise({ jobs: [job] });
  await stage.rig.work();
  const { id } = await stage.rig.runtime.producer.enqueue(tenant, job, {});
  await stage.rig.until(async () => (await bullOf(stage).getFailedCount()) === 1);
  assert.equal(await stateOf(stage, id), "dead");

  mood.fails = false;
  const operator = await stage.visitor("operator");
  assert.equal((await operator.put(`/board/api/queues/tests/${id}/retry`)).status, 204);
  const ended = await stage.rig.settled(id);
  assert.equal(ended.state, "completed");
  assert.deepEqual(
    ended.attempts.map((attempt) => attempt.outcome),
    ["failed", "completed"],
  );
  assert.deepEqual(await stage.deeds(), [
    {
      tenant,
      actor: operator.keyId,
      action: "job.redrive",
      subject: `job/${id}`,
      details: { role: "operator", status: 204 },
    },
  ]);
});

test("retrying all redrives every dead job of the queue", async () => {
  const { job, mood } = stubborn();
  await using stage = await raise({ jobs: [job] });
  await stage.rig.work();
  const receipts = await stage.rig.runtime.producer.enqueueMany(
    tenant,
    Array.from({ length: 45 }, () => ({ job, payload: {} })),
  );
  await stage.rig.until(async () => (await bullOf(stage).getFailedCount()) === 45);
  mood.fails = false;
  const answer = await (await stage.visitor("operator")).put("/board/api/queues/tests/retry/failed");
  assert.deepEqual(await answer.json(), { retried: 45, skipped: 0 });
  const states = await Promise.all(receipts.map(async ({ id }) => (await stage.rig.settled(id)).state));
  assert.deepEqual([...new Set(states)], ["completed"]);
});

test("a dead job of a queue without ledger rows is redriven too", async () => {
  const queue = testQueue({ name: "fast", durability: "redis" });
  const mood = { fails: true };
  const handle = async () => {
    if (mood.fails) throw new Error("no");
    return null;
  };
  const job = testJob(handle, { queue, retry: noRetry });
  await using stage = await raise({ jobs: [job] });
  await stage.rig.work();
  const { id } = await stage.rig.runtime.producer.enqueue(tenant, job, {});
  await stage.rig.until(async () => (await bullOf(stage).getFailedCount()) === 1);
  mood.fails = false;
  assert.equal((await (await stage.visitor("admin")).put(`/board/api/queues/fast/${id}/retry`)).status, 204);
  assert.equal((await stage.rig.settled(id)).state, "completed");
});

test("a job that is not dead is not redriven", async () => {
  await using stage = await raise({ jobs: [nothing] });
  await stage.rig.work();
  const { id } = await stage.rig.runtime.producer.enqueue(tenant, nothing, {});
  await stage.rig.until(async () => (await bullOf(stage).getCompletedCount()) === 1);
  const operator = await stage.visitor("operator");
  const answer = await operator.put(`/board/api/queues/tests/${id}/retry`);
  assert.equal(answer.status, 409);
  assert.match(await messageOf(answer), /Expected a dead job/);
  assert.equal((await operator.put("/board/api/queues/tests/retry/completed")).status, 403);
});

test("removing a waiting job cancels it in the ledger", async () => {
  await using stage = await raise({ jobs: [nothing] });
  const { id } = await stage.rig.runtime.producer.enqueue(tenant, nothing, {});
  await waiting(stage, id);
  const operator = await stage.visitor("operator");
  assert.equal((await operator.put(`/board/api/queues/tests/${id}/clean`)).status, 204);
  assert.equal(await stateOf(stage, id), "cancelled");
  assert.equal(await bullOf(stage).getJob(id), undefined);
  assert.deepEqual(
    (await stage.deeds()).map((deed) => [deed.action, deed.tenant]),
    [["job.cancel", tenant]],
  );
});

test("removing a running job asks it to stop", async () => {
  const begun = gate();
  const job = testJob(async (_payload, ctx) => {
    begun.open();
    await untilAborted(ctx.signal);
  });
  await using stage = await raise({ jobs: [job] });
  await stage.rig.work();
  const { id } = await stage.rig.runtime.producer.enqueue(tenant, job, {});
  await begun.promise;
  assert.equal((await (await stage.visitor("operator")).put(`/board/api/queues/tests/${id}/clean`)).status, 204);
  assert.equal((await stage.rig.settled(id)).state, "cancelled");
});

test("removing a waiting job whose only record is Redis takes it out", async () => {
  const job = testJob(async () => null, { queue: testQueue({ name: "fast", durability: "redis" }) });
  await using stage = await raise({ jobs: [job] });
  const { id } = await stage.rig.runtime.producer.enqueue(tenant, job, {});
  assert.equal((await (await stage.visitor("operator")).put(`/board/api/queues/fast/${id}/clean`)).status, 204);
  assert.equal(await bullOf(stage).getJob(id), undefined);
});

test("what has ended stays", async () => {
  const { job } = stubborn();
  await using stage = await raise({ jobs: [job] });
  await stage.rig.work();
  const { id } = await stage.rig.runtime.producer.enqueue(tenant, job, {});
  await stage.rig.until(async () => (await bullOf(stage).getFailedCount()) === 1);
  const answer = await (await stage.visitor("operator")).put(`/board/api/queues/tests/${id}/clean`);
  assert.equal(answer.status, 409);
  assert.match(await messageOf(answer), /Expected an open job, found one that is dead/);
  assert.equal(await stateOf(stage, id), "dead");
  assert.equal(await bullOf(stage).getFailedCount(), 1);
});

test("a delayed job that is promoted runs at once", async () => {
  await using stage = await raise({ jobs: [nothing] });
  const runAt = new Date(Date.now() + 50_000).toISOString(); // near enough to wait in Redis
  const { id } = await stage.rig.runtime.producer.enqueue(tenant, nothing, {}, { runAt });
  await waiting(stage, id);
  const operator = await stage.visitor("operator");
  assert.equal((await operator.put(`/board/api/queues/tests/${id}/promote`)).status, 204);
  const again = await operator.put(`/board/api/queues/tests/${id}/promote`);
  assert.equal(again.status, 409);
  await stage.rig.work();
  assert.equal((await stage.rig.settled(id)).state, "completed");
});

test("all delayed jobs of a queue are promoted together", async () => {
  await using stage = await raise({ jobs: [nothing] });
  const runAt = new Date(Date.now() + 50_000).toISOString();
  const entries = Array.from({ length: 3 }, () => ({ job: nothing, payload: {}, options: { runAt } }));
  await stage.rig.runtime.producer.enqueueMany(tenant, entries);
  await stage.rig.until(async () => (await bullOf(stage).getDelayedCount()) === 3);
  assert.equal((await (await stage.visitor("operator")).put("/board/api/queues/tests/promote")).status, 200);
  assert.equal(await bullOf(stage).getDelayedCount(), 0);
});

test("what is not there is 404", async () => {
  await using stage = await raise({ jobs: [nothing] });
  const operator = await stage.visitor("operator");
  for (const path of ["nowhere/pause", "tests/not-a-job/retry", `tests/${crypto.randomUUID()}/clean`])
    assert.equal((await operator.put(`/board/api/queues/${path}`)).status, 404, path);
});

interface VendorRoute {
  readonly method: string | readonly string[];
  readonly route: string | readonly string[];
}
const { appRoutes } = createRequire(import.meta.url)("@bull-board/api/dist/routes.js") as {
  appRoutes: { api: readonly VendorRoute[] };
};
const changes = appRoutes.api.flatMap(({ method, route }) =>
  [method].flat().flatMap((verb) => (verb === "get" ? [] : [route].flat().map((path) => [verb, path] as const))),
);
const offered = [
  "put /api/queues/pause",
  "put /api/queues/resume",
  "put /api/queues/:queueName/pause",
  "put /api/queues/:queueName/resume",
  "put /api/queues/:queueName/promote",
  "put /api/queues/:queueName/:jobId/promote",
  "put /api/queues/:queueName/:jobId/retry",
  "put /api/queues/:queueName/:jobId/clean",
];

test("every other change that Bull Board knows is refused, with the right way to do it", async () => {
  await using stage = await raise({ jobs: [nothing] });
  const { id } = await stage.rig.runtime.producer.enqueue(tenant, nothing, {});
  await waiting(stage, id);
  const admin = await stage.visitor("admin");
  const refused = changes.filter(([verb, path]) => !offered.includes(`${verb} ${path}`));
  assert.ok(refused.length >= 14, `${refused.length} routes`);
  for (const [verb, path] of refused) {
    const answer = await fetch(`${stage.url}/board${place(path, id)}`, {
      method: verb.toUpperCase(),
      headers: { Cookie: admin.cookie, "Sec-Fetch-Site": "same-origin", "Content-Type": "application/json" },
      body: JSON.stringify({ name: "x", data: {}, force: true, concurrency: 1, delay: 0, priority: 1, runAt: 1 }),
    });
    assert.equal(answer.status, 403, `${verb} ${path}`);
    const message = await messageOf(answer);
    assert.doesNotMatch(message, /does not do this/, `${verb} ${path} says where to go instead`);
  }
  assert.equal(await stateOf(stage, id), "queued");
  assert.equal((await bullOf(stage).getJobCounts("prioritized")).prioritized, 1);
  assert.deepEqual(await stage.deeds(), []);
});

test("a viewer changes nothing, by any route", async () => {
  await using stage = await raise({ jobs: [nothing] });
  const { id } = await stage.rig.runtime.producer.enqueue(tenant, nothing, {});
  await waiting(stage, id);
  const viewer = await stage.visitor("viewer");
  for (const [verb, path] of changes) {
    const answer = await fetch(`${stage.url}/board${place(path, id)}`, {
      method: verb.toUpperCase(),
      headers: { Cookie: viewer.cookie, "Sec-Fetch-Site": "same-origin" },
    });
    assert.equal(answer.status, 403, `${verb} ${path}`);
    assert.match(await messageOf(answer), /look, but not act/);
  }
  assert.equal(await bullOf(stage).isPaused(), false);
  assert.equal(await stateOf(stage, id), "queued");
  assert.deepEqual(await stage.deeds(), []);
});

test("what cannot be written down is not done", async () => {
  await using stage = await raise({ jobs: [nothing] });
  const operator = await stage.visitor("operator");
  await stage.rig.runtime.database.executeSql(`drop table ${stage.rig.schema}.audit`);
  assert.equal((await operator.put("/board/api/queues/tests/pause")).status, 500);
  assert.equal(await bullOf(stage).isPaused(), false);
});

function place(path: string, jobId: string): string {
  return path
    .replace(":queueName", "tests")
    .replace(":jobId", jobId)
    .replace(":queueStatus", "completed")
    .replace(":schedulerId", "nightly");
}
