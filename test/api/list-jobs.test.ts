import assert from "node:assert/strict";
import { afterAll, beforeAll, test } from "vitest";
import { testJob, testQueue } from "../rig/jobs.ts";
import { type Served, serve } from "./served.ts";

const queue = testQueue();
const run = testJob(async () => null, { queue });
const other = testJob(async () => null, { queue, name: "tests.other" });

let api: Served;
let ids: string[];
beforeAll(async () => {
  api = await serve({ jobs: [run, other] });
  const jobs = Array.from({ length: 25 }, (_, index) => ({
    job: index % 5 === 0 ? "tests.other" : "tests.run",
    payload: {},
    tags: [`mod${index % 3}`],
  }));
  ids = (await api.ask("/v1/jobs", { json: { jobs } })).body.items.map(({ id }: { id: string }) => id);
  await api.ask("/v1/jobs/tests.run", { json: { payload: {} }, key: api.key.stranger });
});
afterAll(() => api[Symbol.asyncDispose]());

const list = async (query: string, key?: string) => (await api.ask(`/v1/jobs${query}`, key ? { key } : {})).body;
const idsOf = ({ items }: { items: { id: string }[] }) => items.map(({ id }) => id);

test("pages follow one another, newest first, without gap or repetition, also when jobs arrive in between", async () => {
  const first = await list("?limit=10");
  assert.equal(first.items.length, 10);
  const { body: late } = await api.ask("/v1/jobs/tests.run", { json: { payload: {}, tags: ["late"] } });
  const second = await list(`?limit=10&cursor=${first.nextCursor}`);
  const third = await list(`?limit=10&cursor=${second.nextCursor}`);
  assert.deepEqual([...idsOf(first), ...idsOf(second), ...idsOf(third)], [...ids].reverse());
  assert.equal(third.nextCursor, null);
  assert.deepEqual(idsOf(await list("?tag=late")), [late.id]);
});

test("a page that is full to the last job has no next one", async () => {
  const page = await list("?tag=mod0&limit=9");
  assert.equal(page.items.length, 9);
  assert.equal(page.nextCursor, null);
});

test("filters narrow the list and combine", async () => {
  assert.equal((await list("?job=tests.other")).items.length, 5);
  assert.equal((await list("?job=tests.other&tag=mod0")).items.length, 2);
  assert.equal((await list("?state=dead")).items.length, 0);
  assert.equal((await list("?queue=nowhere")).items.length, 0);
  assert.equal((await list("?since=2999-01-01T00:00:00Z")).items.length, 0);
  assert.equal((await list("?since=2020-01-01T00:00:00%2B05:30&limit=200")).items.length >= 25, true);
});

test("a tenant sees its own jobs; a key of all tenants sees all, or those of the one it names", async () => {
  assert.equal((await list("", api.key.stranger)).items.length, 1);
  const all = await list("?limit=200", api.key.everyone);
  assert.ok(all.items.length >= 26);
  const { body } = await api.ask("/v1/jobs", { key: api.key.everyone, headers: { "nightshift-tenant": "globex" } });
  assert.equal(body.items.length, 1);
  assert.equal(body.items[0].tenant, "globex");
});

test("a line holds neither payload nor result nor attempts", async () => {
  const { items } = await list("?limit=1");
  for (const field of ["payload", "result", "attempts"]) assert.equal(field in items[0], false, field);
});

test("a parameter that cannot be is refused by its name", async () => {
  for (const [query, path] of [
    ["?limit=0", "limit"],
    ["?limit=201", "limit"],
    ["?limit=ten", "limit"],
    ["?limit=1&limit=2", "limit"],
    ["?state=asleep", "state"],
    ["?cursor=x", "cursor"],
    ["?cursor=AAAAAAAAAAAAAAAAAAAAAB", "cursor"],
    ["?tag=%00", "tag"],
    ["?since=yesterday", "since"],
    ["?stat=dead", "stat"],
  ] as const) {
    const { status, body } = await api.ask(`/v1/jobs${query}`);
    assert.deepEqual([query, status, body.errors?.[0].path], [query, 422, path]);
  }
});
