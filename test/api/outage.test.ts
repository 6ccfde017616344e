import assert from "node:assert/strict";
import pg from "pg";
import { inject, test } from "vitest";
import { testJob, testQueue } from "../rig/jobs.ts";
import { cuttable, spareConnections } from "./cuttable.ts";
import { serve } from "./served.ts";

const queue = testQueue();
const fleeting = testQueue({ name: "fleeting", durability: "redis" });
const run = testJob(async () => "done", { queue });
const quick = testJob(async () => "done", { queue: fleeting, name: "tests.quick" });
const nowhere = "/v1/jobs/0193a1de-7a53-7cc1-9d6e-2f1f3a5b7c90";

test("while Postgres is away nothing is accepted: 503 with Retry-After, and 202 again once it is back", async () => {
  await using postgres = await cuttable(inject("databaseUrl"));
  await using api = await serve({ jobs: [run], databaseUrl: postgres.url });
  const enqueue = () => api.ask("/v1/jobs/tests.run", { json: { payload: {} } });
  assert.equal((await enqueue()).status, 202);

  postgres.cut();
  for (const ask of [
    enqueue,
    () => api.ask("/v1/jobs", { json: { jobs: [{ job: "tests.run", payload: {} }] } }),
    () => api.ask("/v1/jobs?partial=true", { json: { jobs: [{ job: "tests.run", payload: {} }] } }),
    () => api.ask(nowhere),
    () => api.ask("/v1/jobs"),
    () => api.ask(nowhere, { method: "DELETE" }),
    () => api.ask(`${nowhere}/redrive`, { method: "POST", key: "bootstrap-key" }),
    () => api.ask("/v1/job-types", { key: api.key.viewer }), // a key that nobody has verified yet
  ]) {
    const { status, headers, body } = await ask();
    assert.deepEqual([status, body.code, headers.get("retry-after")], [503, "store_unavailable", "1"]);
  }
  assert.equal((await api.ask("/healthz")).status, 200);

  postgres.mend();
  await api.rig.until(async () => (await enqueue()).status === 202);
  assert.equal(
    api.rig.lines.some(({ fields }) => /postgres:\/\//.test(JSON.stringify(fields))),
    false,
  );
});

test("a long poll survives a lost listener: the end is still told", async () => {
  await using postgres = await cuttable(inject("databaseUrl"));
  await using api = await serve({ jobs: [run], databaseUrl: postgres.url });
  const { body } = await api.ask("/v1/jobs/tests.run", { json: { payload: {} } });
  const waiting = api.ask(`/v1/jobs/${body.id}?wait=1m`);
  await api.rig.until(() => api.server.watch.waiting === 1);
  postgres.cut();
  postgres.mend();
  await api.rig.until(() => api.rig.lines.some(({ event }) => event === "listener.lost"));
  await api.rig.until(async () => (await api.ask("/v1/job-types")).status === 200);
  await api.rig.work();
  const { status, body: view } = await waiting;
  // The cut may hit the very moment in which the poll looks: then it says so, and the caller asks again.
  if (status === 503) assert.equal(view.code, "store_unavailable");
  else assert.equal(view.state, "completed");
});

test("while Redis is away jobs are accepted, and work that only Redis would know is recorded instead", async () => {
  await using redis = await cuttable(inject("redisUrl"));
  await using api = await serve({ jobs: [run, quick], redisUrl: redis.url });
  redis.cut();
  await api.rig.until(() => api.rig.lines.some(({ event }) => event === "redis.connection_lost"));
  const { status, body } = await api.ask("/v1/jobs/tests.run", { json: { payload: {} } });
  assert.deepEqual([status, body.state], [202, "accepted"]);
  const recorded = await api.ask("/v1/jobs/tests.quick", { json: { payload: {} } });
  assert.equal(recorded.status, 202);
  assert.equal((await api.ask(recorded.body.links.self)).body.state, "accepted");

  const unknown = await api.ask(nowhere);
  assert.deepEqual([unknown.status, unknown.body.code], [503, "store_unavailable"], "who knows what Redis knows?");
  redis.mend();
  await api.rig.until(async () => (await api.ask(nowhere)).status === 404);
});

const soon = { connectMs: 300, groupMs: 300, statementMs: 300, acceptMs: 300 };

// Seen to fail without `query_timeout` on the pools (`Database`): nothing is ever answered.
test("while Postgres hangs every request is answered 503 in bounded time, however many come", async () => {
  await using postgres = await cuttable(inject("databaseUrl"));
  await using api = await serve({ jobs: [run], databaseUrl: postgres.url, patience: soon });
  const enqueue = () => api.ask("/v1/jobs/tests.run", { json: { payload: {} } });
  assert.equal((await enqueue()).status, 202);

  postgres.hang();
  const begunAt = Date.now();
  const answers = await Promise.all([
    ...Array.from({ length: 200 }, enqueue),
    api.ask("/v1/jobs", { json: { jobs: [{ job: "tests.run", payload: {} }] } }),
    api.ask(nowhere),
    api.ask("/v1/jobs"),
    api.ask(nowhere, { method: "DELETE" }),
  ]);
  const tookMs = Date.now() - begunAt;
  for (const { status, headers } of answers)
    assert.deepEqual([status, headers.get("retry-after")], [503, "1"], "not one 202, not one 500");
  assert.ok(tookMs < 30_000, `the last answer came after ${tookMs} ms`);

  postgres.mend();
  await api.rig.until(async () => (await enqueue()).status === 202);
});

// Seen to fail with `mayHaveCommitted` answering false: the caller is told 503, and the job is recorded all the same.
test("when the answer to a commit is lost, the job is looked up by its id: the 503 would have hidden it", async () => {
  await using postgres = await cuttable(inject("databaseUrl"));
  await using api = await serve({ jobs: [run], databaseUrl: postgres.url });
  await using direct = await connect();
  const recorded = async () =>
    (await direct.client.query(`select id from ${api.rig.schema}.jobs order by id`)).rows.map(({ id }) => id);
  const { body: first } = await api.ask("/v1/jobs/tests.run", { json: { payload: {} } });
  await api.rig.until(async () => (await api.ask(first.links.self)).body.state === "queued"); // nothing else is on its way
  await spareConnections(api.rig.runtime.database);

  postgres.swallow();
  const answer = api.ask("/v1/jobs/tests.run", { json: { payload: {} } });
  await api.rig.until(async () => (await recorded()).length === 2);
  postgres.mend();
  const { status, body } = await answer;
  assert.equal(status, 202);
  assert.deepEqual(await recorded(), [first.id, body.id]);
});

// Seen to fail without the gate (`RedisEngine.open`): a redis-durable request waits for as long as Redis hangs.
test("while Redis hangs jobs are accepted in bounded time", async () => {
  await using redis = await cuttable(inject("redisUrl"));
  await using api = await serve({ jobs: [run, quick], redisUrl: redis.url });
  redis.hang();
  for (const job of ["tests.run", "tests.quick"]) {
    const begunAt = Date.now();
    const { status } = await api.ask(`/v1/jobs/${job}`, { json: { payload: {} } });
    assert.equal(status, 202);
    assert.ok(Date.now() - begunAt < 30_000, job); // unbounded, it is as long as Redis hangs
  }
  redis.mend();
});

async function connect() {
  const client = new pg.Client({ connectionString: inject("databaseUrl") });
  await client.connect();
  return { client, [Symbol.asyncDispose]: () => client.end() };
}
