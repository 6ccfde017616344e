import assert from "node:assert/strict";
import { afterAll, beforeAll, beforeEach, test } from "vitest";
import { toProblem } from "../../src/api/problem.ts";
import { noRetry } from "../../src/core/retry.ts";
import { gate, testJob, testQueue } from "../rig/jobs.ts";
import { tenant } from "../rig/rig.ts";
import { type Served, serve } from "./served.ts";

/** What the handlers did: the payload's `n` of each run that began, and how many ran at once at the most. */
let began: unknown[] = [];
let atOnce = 0;
let most = 0;
let held = gate();

const queue = testQueue();
const shelf = testQueue({ name: "shelf" });
const fleeting = testQueue({ name: "fleeting", durability: "redis" });
const work = testJob(
  async ({ n, hold, fail }) => {
    began.push(n);
    most = Math.max(most, ++atOnce);
    try {
      if (hold) await held.promise;
      if (fail) throw new Error("no");
      return n;
    } finally {
      atOnce -= 1;
    }
  },
  { queue, retry: noRetry },
);
const shelved = testJob(async () => null, { queue: shelf, name: "tests.shelved" });
const quick = testJob(async () => null, { queue: fleeting, name: "tests.quick" });
const keyed = testJob(async () => null, { queue, name: "tests.keyed", deduplicate: () => "always" });

let api: Served;
beforeAll(async () => {
  api = await serve({ jobs: [work, shelved, quick, keyed], relay: true });
  await api.rig.work([queue]);
});
afterAll(() => api[Symbol.asyncDispose]());
beforeEach(() => {
  held.open(); // what a test before left running
  began = [];
  most = 0;
  held = gate();
});

const enqueue = (payload: object, options: object = {}, job = "tests.run") =>
  api.ask(`/v1/jobs/${job}`, { json: { payload, ...options } });
const inAnHour = () => new Date(Date.now() + 3_600_000).toISOString();
const start = async (payload: object, deduplicationKey: string): Promise<string> => {
  const { body } = await enqueue({ ...payload, hold: true }, { deduplicationKey });
  await api.rig.until(() => began.length === 1);
  return body.id;
};

// Seen to fail with the mechanism switched off: every mode read as `join` (7 of these), `promoteSuccessors` (the three of
// keep-last), `deduplicate_until` not written (the window).

test("replace: a waiting job becomes what the newest request asks for, under its id, with 200", async () => {
  const options = { deduplicationKey: "r1", deduplicate: "replace", tags: ["old"] };
  const first = await enqueue({ n: 1 }, { ...options, runAt: inAnHour() });
  const before = (await api.ask(`/v1/jobs/${first.body.id}`)).body;
  const second = await enqueue({ n: 2 }, { ...options, tags: ["new"], priority: "high", correlationId: "c" });
  assert.deepEqual([first.status, first.body.replaced, second.status], [202, false, 200]);
  assert.deepEqual([second.body.id, second.body.duplicate, second.body.replaced], [first.body.id, true, true]);
  const view = (await api.ask(`/v1/jobs/${first.body.id}?wait=1m`)).body;
  assert.deepEqual([view.state, view.result, view.tags, view.priority], ["completed", 2, ["new"], "high"]);
  assert.equal(view.correlationId, "c");
  assert.ok(view.revision > before.revision);
  assert.deepEqual(began, [2]);
});

test("replace: a running job is joined, and does what it was asked first", async () => {
  const id = await start({ n: 1 }, "r2");
  const { status, body } = await enqueue({ n: 2 }, { deduplicationKey: "r2", deduplicate: "replace" });
  assert.deepEqual([status, body.id, body.duplicate, body.replaced], [200, id, true, false]);
  held.open();
  assert.equal((await api.rig.settled(id)).result, 1);
});

test("replace: a job that waits in its engine runs no sooner than the new time says", async () => {
  const options = { deduplicationKey: "r3", deduplicate: "replace" };
  const soon = await enqueue({ n: 1 }, { ...options, runAt: new Date(Date.now() + 300).toISOString() });
  const due = Date.now() + 1_200;
  await enqueue({ n: 2 }, { ...options, runAt: new Date(due).toISOString() });
  const view = await api.rig.settled(soon.body.id);
  assert.ok(Date.parse(view.startedAt!) >= due, `${view.startedAt} is early`); // fails without not_before in `start`
  assert.deepEqual([view.result, view.attempts.length], [2, 1]);
});

test("replace: a job that waits in its engine runs at once when the new time says so", async () => {
  const options = { deduplicationKey: "r4", deduplicate: "replace" };
  const { body } = await enqueue({ n: 1 }, { ...options, runAt: new Date(Date.now() + 50_000).toISOString() });
  await api.rig.until(async () => (await api.rig.runtime.redis.find(queue, body.id))?.state === "delayed");
  await enqueue({ n: 2 }, options);
  assert.equal((await api.rig.settled(body.id, 40_000)).result, 2); // fails without Requeue: it would be due in 50 s
});

test("keep-last: what comes while the job runs is kept once, the newest of all, and runs afterwards", async () => {
  const id = await start({ n: 0 }, "k1");
  const options = { deduplicationKey: "k1", deduplicate: "keep-last" };
  const answers = [];
  for (const n of [1, 2, 3]) answers.push(await enqueue({ n }, options));
  assert.deepEqual(
    answers.map(({ status, body }) => [status, body.duplicate, body.replaced]),
    [
      [202, false, false],
      [200, true, true],
      [200, true, true],
    ],
  );
  const successor = answers[0]!.body.id;
  assert.notEqual(successor, id);
  assert.ok(answers.every(({ body }) => body.id === successor));
  const waiting = (await api.ask(`/v1/jobs/${successor}`)).body;
  assert.deepEqual([waiting.state, waiting.follows], ["scheduled", id]);
  assert.equal((await api.ask(`/v1/jobs/${id}`)).body.deduplicationKey, "k1", "still shown, though handed on");
  held.open();
  assert.equal((await api.rig.settled(successor)).result, 3);
  assert.deepEqual([began, most], [[0, 3], 1]);
  assert.equal((await api.ask(`/v1/jobs/${successor}`)).body.follows, null);
});

test("keep-last: of a hundred requests at once while the job runs, one successor comes", async () => {
  const id = await start({ n: 0 }, "k2");
  const options = { deduplicationKey: "k2", deduplicate: "keep-last" };
  const answers = await Promise.all(Array.from({ length: 100 }, (_, n) => enqueue({ n: n + 1 }, options)));
  const ids = new Set(answers.map(({ body }) => body.id));
  assert.equal(ids.size, 1);
  assert.equal(answers.filter(({ status }) => status === 202).length, 1);
  held.open();
  await api.rig.settled(id);
  await api.rig.settled([...ids][0]);
  assert.deepEqual([began.length, most], [2, 1]);
});

test("keep-last: however the job ends, its successor runs", async () => {
  const { body: doomed } = await enqueue({ n: 0, hold: true, fail: true }, { deduplicationKey: "k3" });
  await api.rig.until(() => began.length === 1);
  const { body } = await enqueue({ n: 1 }, { deduplicationKey: "k3", deduplicate: "keep-last" });
  held.open();
  assert.equal((await api.rig.settled(doomed.id)).state, "dead");
  assert.equal((await api.rig.settled(body.id)).state, "completed");
});

test("a key with a window stays taken after its job has ended, and is free when the window is over", async () => {
  const options = { deduplicationKey: "w1", deduplicateForMs: 60_000 };
  const first = await enqueue({ n: 1 }, options);
  await api.rig.settled(first.body.id);
  const again = await enqueue({ n: 2 }, { deduplicationKey: "w1" });
  assert.deepEqual([again.status, again.body.id, again.body.state], [200, first.body.id, "completed"]);
  const replacing = await enqueue({ n: 2 }, { deduplicationKey: "w1", deduplicate: "replace" });
  assert.deepEqual([replacing.status, replacing.body.replaced], [200, false]);
  // A minute later, as far as the row is concerned.
  await api.rig.runtime.database.executeSql(
    `update ${api.rig.schema}.jobs set deduplicate_until = now() where id = $1 and deduplicate_until > now()`,
    [first.body.id],
  );
  const later = await Promise.all(
    Array.from({ length: 10 }, () => enqueue({ n: 3 }, { deduplicationKey: "w1", runAt: inAnHour() })),
  );
  assert.equal(new Set(later.map(({ body }) => body.id)).size, 1);
  assert.notEqual(later[0]!.body.id, first.body.id);
  assert.equal(later.filter(({ status }) => status === 202).length, 1);
});

test("a window keeps a living job's key no shorter than the job lives", async () => {
  const options = { deduplicationKey: "w2", deduplicateForMs: 1_000, runAt: inAnHour() };
  const first = await enqueue({ n: 1 }, options);
  await api.rig.runtime.database.executeSql(
    `update ${api.rig.schema}.jobs set deduplicate_until = now() - interval '1 minute' where id = $1`,
    [first.body.id],
  );
  const second = await enqueue({ n: 2 }, options);
  assert.deepEqual([second.status, second.body.id], [200, first.body.id]);
});

test("a dead job whose key a newer one has is not redriven beside it", async () => {
  const options = { deduplicationKey: "d1" };
  const { body } = await enqueue({ n: 1, fail: true }, options);
  assert.equal((await api.rig.settled(body.id)).state, "dead");
  await enqueue({ n: 2 }, { ...options, runAt: inAnHour() });
  const refused = await api.ask(`/v1/jobs/${body.id}/redrive`, { method: "POST", key: api.key.operator });
  assert.deepEqual([refused.status, refused.body.code], [409, "key_taken"]);
});

test("on a queue in Redis alone, whatever goes beyond joining is recorded", async () => {
  const recorded = async (options: object) => {
    const { body } = await enqueue({}, options, "tests.quick");
    return (await api.rig.runtime.reader.find(tenant, body.id)) !== null;
  };
  assert.equal(await recorded({ deduplicationKey: "q1" }), false);
  assert.equal(await recorded({ deduplicationKey: "q2", deduplicate: "replace" }), true);
  assert.equal(await recorded({ deduplicationKey: "q3", deduplicate: "keep-last" }), true);
  assert.equal(await recorded({ deduplicationKey: "q4", deduplicateForMs: 1_000 }), true);
});

test("options about a key without one, or against each other, are refused by their path", async () => {
  const paths = async (options: object, job = "tests.run") => {
    const { status, body } = await enqueue({}, options, job);
    return [status, ...(body.errors ?? []).map(({ path, code }: { path: string; code: string }) => `${path} ${code}`)];
  };
  assert.deepEqual(await paths({ deduplicate: "replace", deduplicateForMs: 5_000 }), [
    ...[422, "deduplicateForMs key_required", "deduplicate key_required"],
  ]);
  const key = { deduplicationKey: "v" };
  assert.deepEqual(await paths({ ...key, deduplicate: "newest" }), [422, "deduplicate invalid_value"]);
  for (const [deduplicateForMs, code] of [
    [999, "too_small"],
    [30 * 86_400_000 + 1, "too_big"],
    [1_000.5, "invalid_type"],
  ] as const)
    assert.deepEqual(await paths({ ...key, deduplicateForMs }), [422, `deduplicateForMs ${code}`]);
  assert.deepEqual(await paths({ ...key, deduplicate: "keep-last", deduplicateForMs: 5_000 }), [
    ...[422, "deduplicateForMs contradiction"],
  ]);
  assert.deepEqual(await paths({ deduplicate: "keep-last" }, "tests.keyed"), [202], "the definition has a key");
});

test("of two transactions that want each other's keys one is told to try again, with 503", async () => {
  const { producer } = api.rig.runtime;
  const holding = [gate(), gate()] as const;
  const want = (mine: 0 | 1) =>
    producer.transaction(async (own) => {
      const take = (n: number) =>
        producer.enqueue(tenant, shelved, {}, { deduplicationKey: `cross-${n}`, runAt: inAnHour() }, own);
      await take(mine);
      holding[mine].open();
      await holding[1 - mine]!.promise;
      await take(1 - mine);
    });
  const ends = await Promise.allSettled([want(0), want(1)]);
  const refused = ends.filter((end) => end.status === "rejected");
  assert.equal(refused.length, 1);
  assert.equal(toProblem(refused[0]!.reason).problem.code, "store_unavailable");
});

test("in a bulk request each entry does with its key what it says", async () => {
  const jobs = [1, 2, 3].map((n) => ({
    job: "tests.shelved",
    payload: { n },
    deduplicationKey: "bulk",
    deduplicate: n === 3 ? "replace" : "join",
  }));
  const { status, body } = await api.ask("/v1/jobs", { json: { jobs } });
  assert.equal(status, 202);
  assert.deepEqual(
    body.items.map(({ duplicate, replaced }: { duplicate: boolean; replaced: boolean }) => [duplicate, replaced]),
    [
      [false, false],
      [true, false],
      [true, true],
    ],
  );
  assert.equal(new Set(body.items.map(({ id }: { id: string }) => id)).size, 1);
});
