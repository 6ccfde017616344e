import assert from "node:assert/strict";
import { afterAll, beforeAll, expect, test } from "vitest";
import { hours } from "../../src/core/duration.ts";
import { testJob, testQueue } from "../rig/jobs.ts";
import { type Served, serve } from "./served.ts";

const job = testJob(async () => undefined);
const inRedis = testJob(async () => undefined, {
  name: "tests.in-redis",
  queue: testQueue({ name: "in-redis", durability: "redis" }),
});

let api: Served;
beforeAll(async () => {
  api = await serve({ jobs: [job, inRedis] });
});
afterAll(() => api[Symbol.asyncDispose]());

const queues = async (key: string) => {
  const { status, body } = await api.ask("/v1/queues", { key });
  assert.equal(status, 200);
  return Object.fromEntries(body.items.map((queue: { name: string }) => [queue.name, queue]));
};
const steer = (verb: string, key: string, queue = "tests") =>
  api.ask(`/v1/queues/${queue}/${verb}`, { method: "POST", key });

test("queues tell what is open and what has ended, each tenant of its own jobs, everybody's key of all", async () => {
  const later = { payload: {}, runAt: new Date(Date.now() + hours(1)).toISOString() };
  await api.ask("/v1/jobs/tests.run", { json: later });
  await api.ask("/v1/jobs/tests.run", { json: later, key: api.key.stranger });
  const { body: cancelled } = await api.ask("/v1/jobs/tests.run", { json: later });
  await api.ask(`/v1/jobs/${cancelled.id}`, { method: "DELETE" });
  await api.ask("/v1/jobs/tests.in-redis", { json: { payload: {} } });

  expect((await queues(api.key.viewer)).tests).toMatchObject({
    name: "tests",
    engine: "redis",
    durability: "ledger",
    order: "priority",
    paused: false,
    pausedSince: null,
    slotsPerWorker: 10,
    depth: { scheduled: 1, accepted: 0, queued: 0, running: 0, retrying: 0 },
    endedLastMinute: { completed: 0, dead: 0, cancelled: 1, expired: 0 },
  });
  const all = await queues(api.key.everyone);
  assert.equal(all.tests.depth.scheduled, 2);
  assert.equal(all["in-redis"].depth.queued, 1);
  assert.equal((await queues(api.key.viewer))["in-redis"].depth, null, "Redis does not tell tenants apart");
});

test("an operator of all tenants pauses and resumes a queue; both are in the audit with the key", async () => {
  const { body: paused, status } = await steer("pause", api.key.everyone);
  assert.deepEqual([status, paused.name, paused.paused], [200, "tests", true]);
  assert.ok(Date.parse(paused.pausedSince) <= Date.now());
  assert.equal(await api.rig.runtime.redis.isPaused(job.queue), true);
  assert.equal((await steer("pause", api.key.everyone)).status, 200, "safe to repeat");
  const { body: resumed } = await steer("resume", api.key.everyone);
  assert.deepEqual([resumed.paused, resumed.pausedSince], [false, null]);
  assert.equal(await api.rig.runtime.redis.isPaused(job.queue), false);

  const { rows } = await api.rig.runtime.database.executeSql(
    `select actor, action, subject, details from ${api.rig.schema}.audit order by id`,
  );
  const [, keyId] = api.key.everyone.split("_");
  const deed = { actor: keyId, subject: "queue/tests", details: { role: "operator", via: "api", status: 200 } };
  assert.deepEqual(rows, [
    { ...deed, action: "queue.pause" },
    { ...deed, action: "queue.pause" },
    { ...deed, action: "queue.resume" },
  ]);
});

test("nobody else may, and nothing is changed", async () => {
  for (const key of [api.key.viewer, api.key.producer, api.key.operator, api.key.admin]) {
    const { status, body } = await steer("pause", key);
    assert.deepEqual([status, body.code], [403, "forbidden"]);
  }
  assert.equal(await api.rig.runtime.redis.isPaused(job.queue), false);
  const { status, body } = await steer("pause", api.key.everyone, "nowhere");
  assert.deepEqual([status, body.code], [404, "unknown_queue"]);
});

test("incidents are told to operators of all tenants, newest first, page by page", async () => {
  const { incidents } = api.rig.runtime;
  assert.equal(await incidents.open("queue_silent", "queue/tests", { waiting: 3 }), true);
  assert.equal(await incidents.open("queue_silent", "queue/tests", { waiting: 4 }), false, "the same one goes on");
  await incidents.open("queue_silent", "queue/other");
  await incidents.open("redis_lost", "queue/tests");
  assert.equal(await incidents.close("redis_lost", "queue/tests", { redriven: 7 }), true);
  assert.equal(await incidents.close("redis_lost", "queue/tests"), false);
  assert.equal(await incidents.open("redis_lost", "queue/tests"), true, "after its end it is a new one");

  const ask = (query = "") => api.ask(`/v1/incidents${query}`, { key: api.key.everyone });
  const { body: first } = await ask("?limit=3");
  expect(first.items).toMatchObject([
    { kind: "redis_lost", subject: "queue/tests", seen: 1, closedAt: null },
    { kind: "redis_lost", details: { redriven: 7 }, closedAt: expect.any(String) },
    { kind: "queue_silent", subject: "queue/other" },
  ]);
  const { body: second } = await ask(`?limit=3&cursor=${first.nextCursor}`);
  expect(second).toMatchObject({
    items: [{ subject: "queue/tests", seen: 2, details: { waiting: 4 } }],
    nextCursor: null,
  });
  assert.equal((await ask("?state=open&kind=redis_lost")).body.items.length, 1);
  assert.equal((await ask("?state=closed")).body.items.length, 1);
  assert.equal((await ask("?cursor=x")).status, 422);
  assert.equal((await api.ask("/v1/incidents", { key: api.key.operator })).status, 403);
  assert.deepEqual(
    await incidents.openByKind(),
    new Map([
      ["queue_silent", 2],
      ["redis_lost", 1],
    ]),
  );
  const opened = api.rig.lines.filter(({ event }) => event === "incident.opened");
  assert.deepEqual(
    opened.map(({ level }) => level),
    ["error", "error", "error", "error"],
  );
});
