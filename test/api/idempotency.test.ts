import assert from "node:assert/strict";
import { afterAll, beforeAll, test } from "vitest";
import { gate, testJob, testQueue } from "../rig/jobs.ts";
import { tenant } from "../rig/rig.ts";
import { type Served, serve } from "./served.ts";

const queue = testQueue();
const fleeting = testQueue({ name: "fleeting", durability: "redis" });
const run = testJob(async ({ n }) => n ?? null, { queue });
const other = testJob(async () => null, { queue, name: "tests.other" });
const quick = testJob(async () => "ran", { queue: fleeting, name: "tests.quick" });

let api: Served;
beforeAll(async () => {
  api = await serve({ jobs: [run, other, quick] });
  await api.rig.work();
});
afterAll(() => api[Symbol.asyncDispose]());

const sql = (text: string, values: unknown[] = []) =>
  api.rig.runtime.database.executeSql(text.replaceAll("$schema", api.rig.schema), values);
const post = (key: string, json: unknown, path = "/v1/jobs/tests.run", headers: Record<string, string> = {}) =>
  api.ask(path, { json, headers: { "idempotency-key": key, ...headers } });
const jobsTagged = async (tag: string): Promise<number> =>
  (await api.rig.runtime.reader.list({ tenant, tag, limit: 200 })).length;

test("the same key and body get the first answer again, and no second job", async () => {
  const json = { payload: { n: 1 }, tags: ["same"] };
  const first = await post("same", json);
  const again = await post("same", json);
  assert.equal(first.status, 202);
  assert.equal(first.headers.get("idempotency-replayed"), null);
  assert.deepEqual([again.status, again.body], [202, first.body]);
  assert.equal(again.headers.get("location"), first.headers.get("location"));
  assert.equal(again.headers.get("idempotency-replayed"), "true");
  assert.equal(again.headers.get("content-type"), first.headers.get("content-type"));
  assert.equal(await jobsTagged("same"), 1);
  assert.equal((await api.rig.settled(first.body.id)).result, 1);
});

test("the fast path takes a job with a key: it does not wait for a relay", async () => {
  // This rig has no relay: without afterCommit the job would wait for ever.
  const { body } = await post("fast", { payload: { n: 2 } });
  assert.equal((await api.rig.settled(body.id)).state, "completed");
});

test("the same key with another body, address or query is refused", async () => {
  const json = { payload: { n: 1 } };
  await post("other", json);
  for (const [path, sent] of [
    ["/v1/jobs/tests.run", { payload: { n: 2 } }],
    ["/v1/jobs/tests.other", json],
    ["/v1/jobs/tests.run?x=1", json],
  ] as const) {
    const { status, body } = await post("other", sent, path);
    assert.deepEqual([status, body.code], [422, "idempotency_key_reused"], path);
  }
});

// Seen to fail (a job for each connection) without the advisory lock.
test("of a hundred requests at once with one key, one job comes; the others get its answer or are told to wait", async () => {
  await Promise.all(Array.from({ length: 8 }, () => sql("select pg_sleep(0.1)"))); // opens the whole pool: they really meet
  const json = { payload: { n: 3 }, tags: ["hundred"] };
  const answers = await Promise.all(Array.from({ length: 100 }, () => post("hundred", json)));
  const accepted = answers.filter(({ status }) => status === 202);
  assert.equal(new Set(accepted.map(({ body }) => body.id)).size, 1);
  assert.equal(accepted.filter(({ headers }) => headers.get("idempotency-replayed") === null).length, 1);
  for (const { status, body, headers } of answers.filter((answer) => answer.status !== 202)) {
    assert.deepEqual([status, body.code], [409, "idempotency_key_in_flight"]);
    assert.equal(headers.get("retry-after"), "1");
  }
  assert.equal(await jobsTagged("hundred"), 1);
  assert.equal((await post("hundred", json)).body.id, accepted[0]!.body.id);
});

test("while the first request is being answered, a second is told to wait; afterwards it gets the answer", async () => {
  // The first request stands still where it wants to write its job: a deduplication key that an open transaction holds.
  const hold = gate();
  const holding = gate();
  const json = { payload: {}, deduplicationKey: "stand-still" };
  const held = api.rig.runtime.producer.transaction(async (own) => {
    // Due later: one that ran at once could end, and free the key, before the first request looks again.
    const later = new Date(Date.now() + 3_600_000).toISOString();
    await api.rig.runtime.producer.enqueue(tenant, run, {}, { deduplicationKey: "stand-still", runAt: later }, own);
    holding.open();
    await hold.promise;
  });
  await holding.promise;
  const first = post("flight", json);
  await api.rig.until(async () => {
    const { rows } = await sql(
      "select 1 from pg_stat_activity where wait_event_type = 'Lock' and query like '%$schema.jobs%'",
    );
    return rows.length > 0;
  });
  const meanwhile = await post("flight", json);
  assert.deepEqual([meanwhile.status, meanwhile.body.code], [409, "idempotency_key_in_flight"]);
  hold.open();
  await held;
  const { status, body } = await first;
  assert.equal(status, 200);
  assert.deepEqual((await post("flight", json)).body, body);
});

// The key and its job are one commit. Seen to fail (a job is there) with `work` outside the key's transaction.
test("a crash between accepting and answering leaves no job, and the repeated request is the first", async () => {
  const json = { payload: { n: 4 }, tags: ["crash"] };
  await sql(`
    create function $schema.crash() returns trigger language plpgsql as
      $$ begin perform pg_terminate_backend(pg_backend_pid()); return new; end $$`);
  await sql(
    "create trigger crash before insert on $schema.idempotency_keys for each row execute function $schema.crash()",
  );
  const crashed = await post("crash", json);
  assert.deepEqual([crashed.status, crashed.body.code], [503, "store_unavailable"]);
  assert.equal(await jobsTagged("crash"), 0);
  await sql("drop trigger crash on $schema.idempotency_keys");
  const again = await post("crash", json);
  assert.deepEqual([again.status, again.headers.get("idempotency-replayed")], [202, null]);
  assert.equal(await jobsTagged("crash"), 1);
});

test("a refused request stores nothing: mended, it is the first", async () => {
  const refused = await post("mended", { payload: {}, priority: "urgent" });
  assert.equal(refused.status, 422);
  const mended = await post("mended", { payload: {} });
  assert.deepEqual([mended.status, mended.headers.get("idempotency-replayed")], [202, null]);
});

test("an answer is kept for 24 hours, then the key is free", async () => {
  const first = await post("day", { payload: { n: 1 } });
  const { rows } = await sql(
    "select extract(epoch from expires_at - created_at)::int as s from $schema.idempotency_keys where key = 'day'",
  );
  assert.equal(rows[0]!.s, 86_400);
  await sql("update $schema.idempotency_keys set expires_at = now() where key = 'day'");
  const later = await post("day", { payload: { n: 2 } });
  assert.equal(later.status, 202);
  assert.notEqual(later.body.id, first.body.id);
  assert.equal((await post("day", { payload: { n: 2 } })).body.id, later.body.id);
});

test("a key belongs to its tenant", async () => {
  const json = { payload: {} };
  const ours = await post("tenants", json);
  const theirs = await api.ask("/v1/jobs/tests.run", {
    json: { payload: { n: 9 } },
    key: api.key.stranger,
    headers: { "idempotency-key": "tenants" },
  });
  assert.deepEqual([ours.status, theirs.status], [202, 202]);
  assert.notEqual(theirs.body.id, ours.body.id);
});

test("a key that is none is refused by its name", async () => {
  for (const key of ["", "k".repeat(256), "schlüssel"]) {
    const { status, body } = await post(key, { payload: {} });
    assert.deepEqual([key, status, body.errors?.[0].path], [key, 422, "Idempotency-Key"]);
  }
  assert.equal((await post("k".repeat(255), { payload: {} })).status, 202);
});

test("a job of a queue in Redis alone that comes with a key is recorded, and runs", async () => {
  const { body } = await post("quick", { payload: {} }, "/v1/jobs/tests.quick");
  assert.equal((await api.rig.settled(body.id)).result, "ran");
  assert.equal((await post("quick", { payload: {} }, "/v1/jobs/tests.quick")).body.id, body.id);
});

test("a bulk request with a key is accepted once, whole or in part", async () => {
  const entry = (n: number) => ({ job: "tests.run", payload: { n }, tags: ["bulk"] });
  const whole = { jobs: [entry(1), entry(2)] };
  const first = await post("bulk", whole, "/v1/jobs");
  const again = await post("bulk", whole, "/v1/jobs");
  assert.deepEqual([first.status, again.status, again.body], [202, 202, first.body]);
  assert.equal(await jobsTagged("bulk"), 2);

  const mixed = {
    jobs: [entry(3), { job: "tests.nothing", payload: {} }, { ...entry(4), priority: "urgent" }, entry(5)],
  };
  const part = await post("part", mixed, "/v1/jobs?partial=true");
  const statuses = part.body.items.map(({ status }: { status: number }) => status);
  assert.deepEqual([part.status, statuses], [207, [202, 422, 422, 202]]);
  const [, , refused] = part.body.items;
  assert.equal(refused.problem.errors[0].path, "jobs.2.priority");
  assert.deepEqual((await post("part", mixed, "/v1/jobs?partial=true")).body, part.body);
  assert.equal(await jobsTagged("bulk"), 4);
  await Promise.all(
    part.body.items.flatMap(({ receipt }: { receipt?: { id: string } }) =>
      receipt ? [api.rig.settled(receipt.id)] : [],
    ),
  );
});

test("a bulk request with a key is told of every problem under its place, and stores nothing", async () => {
  const jobs = [
    { job: "tests.run", payload: {}, tags: ["none"] },
    { job: "tests.run", payload: 7 },
  ];
  const { status, body } = await post("none", { jobs }, "/v1/jobs");
  assert.deepEqual([status, body.errors[0].path], [422, "jobs.1.payload"]);
  assert.equal(await jobsTagged("none"), 0);
});
