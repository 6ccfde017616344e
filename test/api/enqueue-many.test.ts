import assert from "node:assert/strict";
import { afterAll, beforeAll, beforeEach, test } from "vitest";
import { z } from "zod";
import { testJob, testQueue } from "../rig/jobs.ts";
import { type Served, serve } from "./served.ts";

const queue = testQueue();
const run = testJob(async () => null, { queue });
const strict = testJob(async () => null, {
  queue,
  name: "tests.strict",
  payload: z.strictObject({ count: z.int() }),
});

let api: Served;
beforeAll(async () => {
  api = await serve({ jobs: [run, strict], rowsByHand: true });
});
beforeEach(() => api.rig.runtime.database.executeSql(`delete from ${api.rig.schema}.jobs`).then(() => undefined));
afterAll(() => api[Symbol.asyncDispose]());

const recorded = async () => (await api.rig.runtime.reader.list({ tenant: null, limit: 2_000 })).length;
const good = (index: number) => ({ job: "tests.run", payload: { index }, correlationId: `c${index}` });

test("a thousand jobs are accepted in one request, receipts in the order of the request", async () => {
  const jobs = Array.from({ length: 1_000 }, (_, index) => good(index));
  const { status, body } = await api.ask("/v1/jobs", { json: { jobs } });
  assert.equal(status, 202);
  assert.equal(body.items.length, 1_000);
  assert.equal(await recorded(), 1_000);
  for (const place of [0, 499, 999]) {
    const view = await api.rig.runtime.reader.find(null, body.items[place].id);
    assert.equal(view?.correlationId, `c${place}`);
  }
});

test("one bad job refuses all, and every problem of every job is told", async () => {
  const jobs = [
    good(0),
    { job: "tests.nothing", payload: {} },
    { job: "tests.strict", payload: { count: "x" }, tags: 1 },
    "job",
    { payload: {} },
    { ...good(5), color: "red" },
  ];
  const { status, body } = await api.ask("/v1/jobs", { json: { jobs } });
  assert.equal(status, 422);
  const paths = body.errors.map(({ path }: { path: string }) => path);
  assert.deepEqual(paths, [
    "jobs.1.job",
    "jobs.2.payload.count",
    "jobs.2.tags",
    "jobs.3",
    "jobs.4.job",
    "jobs.5.color",
  ]);
  assert.equal(body.errors[0].code, "unknown_job");
  assert.equal(await recorded(), 0);
});

test("partial: each job is accepted or refused on its own, in order", async () => {
  const jobs = [good(0), { job: "tests.strict", payload: {} }, { job: "tests.nothing" }, good(3)];
  const { status, body } = await api.ask("/v1/jobs?partial=true", { json: { jobs } });
  assert.equal(status, 207);
  assert.deepEqual(
    body.items.map((item: { status: number }) => item.status),
    [202, 422, 422, 202],
  );
  assert.equal(body.items[1].problem.errors[0].path, "jobs.1.payload.count");
  assert.equal(body.items[2].problem.errors[0].path, "jobs.2.job");
  assert.match(body.items[3].receipt.links.self, /^\/v1\/jobs\/[0-9a-f-]{36}$/);
  assert.equal(await recorded(), 2);
});

test("a frame that is none is refused by its path", async () => {
  const refused = async (json: unknown, query = "") => {
    const { status, body } = await api.ask(`/v1/jobs${query}`, { json });
    assert.equal(status, 422);
    return body.errors.map(({ path }: { path: string }) => path);
  };
  assert.deepEqual(await refused([]), [""]);
  assert.deepEqual(await refused({}), ["jobs"]);
  assert.deepEqual(await refused({ jobs: [] }), ["jobs"]);
  assert.deepEqual(await refused({ jobs: [good(0)], when: "now" }), ["when"]);
  assert.deepEqual(await refused({ jobs: Array.from({ length: 1_001 }, (_, index) => good(index)) }), ["jobs"]);
  assert.deepEqual(await refused({ jobs: [good(0)] }, "?partial=perhaps"), ["partial"]);
  assert.deepEqual(await refused({ jobs: [good(0)] }, "?partially=true"), ["partially"]);
  assert.equal(await recorded(), 0);
});
