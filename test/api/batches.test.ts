import assert from "node:assert/strict";
import { afterAll, beforeAll, test } from "vitest";
import { z } from "zod";
import { createClient } from "../../src/client/client.ts";
import { type BatchSummary, batchSummary } from "../../src/core/batch.ts";
import { CancelJob } from "../../src/core/outcome.ts";
import { noRetry } from "../../src/core/retry.ts";
import { gate, testJob, testQueue } from "../rig/jobs.ts";
import { tenant } from "../rig/rig.ts";
import { type Served, serve } from "./served.ts";

/** What completion jobs were given, in the order in which they ran. */
const completions: { batch: BatchSummary; report: string }[] = [];
let held = gate();

const queue = testQueue();
const fleeting = testQueue({ name: "fleeting", durability: "redis" });
const act = testJob(
  async ({ does }) => {
    if (does === "die") throw new Error("no");
    if (does === "cancel") throw new CancelJob("not_wanted");
    if (does === "hold") await held.promise;
    return null;
  },
  { queue, retry: noRetry },
);
const quick = testJob(async () => null, { queue: fleeting, name: "tests.quick" });
const complete = testJob(async (payload) => void completions.push(payload as (typeof completions)[number]), {
  queue,
  name: "tests.complete",
  payload: z.strictObject({ batch: batchSummary, report: z.string() }),
});
const plain = testJob(async () => null, { queue, name: "tests.plain", payload: z.strictObject({ n: z.int() }) });

let api: Served;
beforeAll(async () => {
  api = await serve({ jobs: [act, quick, complete, plain], relay: true });
  await api.rig.work();
});
afterAll(() => api[Symbol.asyncDispose]());

const post = (path: string, json: unknown, headers: Record<string, string> = {}) => api.ask(path, { json, headers });
const get = async (id: string) => (await api.ask(`/v1/batches/${id}`)).body;
const finished = (id: string, ceilingMs?: number) =>
  api.rig.until(async () => {
    const batch = await get(id);
    return batch.finishedAt ? batch : null;
  }, ceilingMs);
const jobs = (...does: string[]) => does.map((one) => ({ job: "tests.run", payload: { does: one } }));
const completion = (report: string) => ({ job: "tests.complete", payload: { report } });
const completed = async (report: string) => {
  const { items } = (await api.ask("/v1/jobs?job=tests.complete&limit=200")).body;
  const mine = completions.filter((one) => one.report === report);
  return { ran: mine, accepted: items.length };
};

test("a batch is accepted as a whole, and its completion job runs once, with its jobs counted by state", async () => {
  const does = ["finish", "finish", "die", "cancel"];
  const { status, headers, body } = await post("/v1/batches", { jobs: jobs(...does), completion: completion("first") });
  assert.equal(status, 202);
  assert.equal(headers.get("location"), `/v1/batches/${body.id}`);
  assert.deepEqual([body.total, body.joined, body.open, body.tenant], [4, 0, 4, tenant]);
  assert.deepEqual(body.counts, { accepted: 4 });
  assert.ok(body.sealedAt);
  assert.deepEqual(body.completion, { job: "tests.complete", jobId: null, error: null });

  const batch = await finished(body.id);
  const counts = { completed: 2, dead: 1, cancelled: 1, expired: 0 };
  assert.deepEqual([batch.open, batch.counts], [0, counts]);
  assert.equal((await api.rig.settled(batch.completion.jobId)).state, "completed");
  assert.deepEqual((await completed("first")).ran, [{ batch: { id: body.id, total: 4, counts }, report: "first" }]);
  const { items } = (await api.ask(body.links.jobs)).body;
  assert.deepEqual(
    items.map((job: { batchId: string }) => job.batchId),
    [body.id, body.id, body.id, body.id],
  );
});

test("a batch waits for its last job", async () => {
  held = gate();
  const { body } = await post("/v1/batches", { jobs: jobs("finish", "hold") });
  await api.rig.until(async () => (await get(body.id)).counts.completed === 1);
  await api.rig.until(async () => (await get(body.id)).counts.running === 1);
  const meanwhile = await get(body.id);
  assert.deepEqual([meanwhile.open, meanwhile.finishedAt], [1, null]);
  held.open();
  const batch = await finished(body.id);
  assert.deepEqual([batch.counts.completed, batch.completion], [2, null]);
});

test("an open batch is filled in parts, and finishes only once it is sealed", async () => {
  const { body } = await post("/v1/batches", { open: true, completion: completion("parts") });
  assert.deepEqual([body.total, body.sealedAt], [0, null]);
  for (let part = 1; part <= 3; part += 1) {
    const more = await post(`/v1/batches/${body.id}/jobs`, { jobs: jobs("finish", "finish") });
    assert.deepEqual([more.status, more.body.total], [202, part * 2]);
  }
  await api.rig.until(async () => (await get(body.id)).open === 0);
  assert.equal((await get(body.id)).finishedAt, null);
  const sealed = await api.ask(`/v1/batches/${body.id}/seal`, { method: "POST" });
  assert.equal(sealed.status, 200);
  const again = await api.ask(`/v1/batches/${body.id}/seal`, { method: "POST" });
  assert.deepEqual([again.status, again.body.sealedAt], [200, sealed.body.sealedAt]);
  const late = await post(`/v1/batches/${body.id}/jobs`, { jobs: jobs("finish") });
  assert.deepEqual([late.status, late.body.code], [409, "batch_sealed"]);
  const batch = await finished(body.id);
  assert.deepEqual([batch.total, batch.counts.completed], [6, 6]);
  await api.rig.settled(batch.completion.jobId);
  assert.equal((await completed("parts")).ran.length, 1);
});

test("a batch without jobs finishes at once", async () => {
  const { body } = await post("/v1/batches", { jobs: [], completion: completion("empty") });
  const batch = await finished(body.id);
  await api.rig.settled(batch.completion.jobId);
  assert.equal((await completed("empty")).ran[0]!.batch.total, 0);
});

test("jobs that Redis alone would know are recorded when they are of a batch", async () => {
  const { body } = await post("/v1/batches", { jobs: [{ job: "tests.quick", payload: {} }] });
  assert.equal((await finished(body.id)).counts.completed, 1);
});

test("a request that joins a job outside is told apart, and not waited for", async () => {
  const runAt = new Date(Date.now() + 3_600_000).toISOString();
  await post("/v1/jobs/tests.run", { payload: {}, deduplicationKey: "outside", runAt });
  const [one] = jobs("finish");
  const { body } = await post("/v1/batches", { jobs: [one, { ...one, deduplicationKey: "outside" }] });
  assert.deepEqual([body.total, body.joined], [1, 1]);
  assert.equal((await finished(body.id)).total, 1);
});

test("every problem of jobs and completion is told at once, and nothing is recorded", async () => {
  const refused = await post("/v1/batches", {
    jobs: [{ job: "tests.nothing", payload: {} }, { job: "tests.plain", payload: { n: "x" } }, jobs("finish")[0]],
    completion: { job: "tests.complete", payload: { report: 7 } },
  });
  assert.equal(refused.status, 422);
  const paths = refused.body.errors.map(({ path }: { path: string }) => path).sort();
  assert.deepEqual(paths, ["completion.payload.report", "jobs.0.job", "jobs.1.payload.n"]);

  for (const [bad, path] of [
    [{ job: "tests.nothing" }, "completion.job"],
    [{ job: "tests.complete", payload: { report: "x", batch: {} } }, "completion.payload.batch"],
    [{ ...completion("x"), runAt: "2030-01-01T00:00:00Z" }, "completion.runAt"],
    [{ ...completion("x"), deduplicationKey: "k" }, "completion.deduplicationKey"],
    [{ job: "tests.plain", payload: { n: 1, batch: 2 } }, "completion.payload.batch"],
    ["tests.complete", "completion"],
  ] as const) {
    const { status, body } = await post("/v1/batches", { jobs: jobs("finish"), completion: bad });
    assert.deepEqual([status, body.errors?.[0].path], [422, path]);
  }
  for (const [body, path] of [
    [{ jobs: Array.from({ length: 10_001 }, () => 1) }, "jobs"],
    [{ jobs: 1 }, "jobs"],
    [{ jobs: [], callbackUrl: "https://example.com" }, "callbackUrl"],
  ] as const)
    assert.deepEqual((await post("/v1/batches", body)).body.errors[0].path, path);
  const { rows } = await api.rig.runtime.database.executeSql(
    `select count(*)::int as count from ${api.rig.schema}.jobs where job = 'tests.plain'`,
  );
  assert.equal(rows[0]!.count, 0);
});

test("a batch takes no more than 10,000 jobs", async () => {
  const { body } = await post("/v1/batches", { open: true });
  await api.rig.runtime.database.executeSql(`update ${api.rig.schema}.batches set total = 9999 where id = $1`, [
    body.id,
  ]);
  const more = await post(`/v1/batches/${body.id}/jobs`, { jobs: jobs("finish", "finish") });
  assert.deepEqual([more.status, more.body.errors[0].path, more.body.errors[0].code], [422, "jobs", "too_big"]);
  assert.equal((await post(`/v1/batches/${body.id}/jobs`, { jobs: jobs("finish") })).body.total, 10_000);
});

test("a batch of another tenant is not found", async () => {
  const { body } = await post("/v1/batches", { open: true });
  const key = api.key.stranger;
  for (const [path, asked] of [
    [`/v1/batches/${body.id}`, {}],
    [`/v1/batches/${body.id}/jobs`, { json: { jobs: jobs("finish") } }],
    [`/v1/batches/${body.id}/seal`, { method: "POST" }],
    ["/v1/batches/none", {}],
  ] as const) {
    const { status, body: problem } = await api.ask(path, { ...asked, key });
    assert.deepEqual([path, status, problem.code], [path, 404, "batch_not_found"]);
  }
  assert.deepEqual((await api.ask(`/v1/jobs?batch=${body.id}`, { key })).body.items, []);
});

test("with an Idempotency-Key a batch and each of its parts is accepted once", async () => {
  const made = () => post("/v1/batches", { open: true, jobs: jobs("finish") }, { "idempotency-key": "batch" });
  const [first, again] = [await made(), await made()];
  assert.deepEqual(again.body, first.body);
  assert.equal(again.headers.get("idempotency-replayed"), "true");
  const filled = () =>
    post(`/v1/batches/${first.body.id}/jobs`, { jobs: jobs("finish") }, { "idempotency-key": "part" });
  assert.deepEqual([(await filled()).body.total, (await filled()).body.total], [2, 2]);
  assert.equal((await get(first.body.id)).total, 2);
});

test("a dead job redriven afterwards does not open its batch again", async () => {
  const { body } = await post("/v1/batches", { jobs: jobs("die"), completion: completion("redriven") });
  const batch = await finished(body.id);
  const [dead] = (await api.ask(body.links.jobs)).body.items;
  const redriven = await api.ask(`/v1/jobs/${dead.id}/redrive`, { method: "POST", key: api.key.operator });
  assert.equal(redriven.status, 202);
  await api.rig.until(async () => (await api.ask(`/v1/jobs/${dead.id}`)).body.attempts.length === 2);
  await api.rig.settled(batch.completion.jobId);
  assert.deepEqual((await get(body.id)).counts, batch.counts);
  assert.equal((await completed("redriven")).ran.length, 1);
});

test("the client makes a batch larger than a body of several requests, and waits for it", async () => {
  const client = createClient({ baseUrl: api.url, key: api.key.producer });
  const padding = "x".repeat(9_000);
  const many = Array.from({ length: 250 }, (_, n) => ({ job: "tests.run", payload: { n, padding } })); // 2.3 MB
  const options = { completion: { job: complete, payload: { report: "client" } }, idempotencyKey: "client" };
  const batch = await client.batches.create(many, options);
  assert.equal(batch.total, 250);
  assert.equal((await client.batches.create(many, options)).id, batch.id, "the same key is the same batch");
  const ended = await client.batches.wait(batch.id, { timeoutMs: 20_000 });
  assert.deepEqual([ended.open, ended.counts.completed], [0, 250]);
  assert.equal((await client.wait(ended.completion!.jobId!)).state, "completed");
  const listed = await Array.fromAsync(client.list({ batch: batch.id }));
  assert.equal(listed.length, 250);
});
