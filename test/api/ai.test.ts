import assert from "node:assert/strict";
import { afterAll, beforeAll, test } from "vitest";
import { FakeProvider } from "../../scripts/fake-provider/server.ts";
import { catalog } from "../../src/catalog.ts";
import { mounted, settings } from "../ai/house.ts";
import { type Served, serve } from "./served.ts";

let provider: FakeProvider;
let api: Served;
beforeAll(async () => {
  provider = new FakeProvider();
  await provider.start();
  api = await serve({ ...catalog, ai: settings([mounted(provider, "ok")], { dailyMicros: 5_000_000 }) });
});
afterAll(async () => {
  await api[Symbol.asyncDispose]();
  await provider.stop();
});

const jobs = async () =>
  (await api.rig.runtime.database.executeSql(`select count(*)::int as n from ${api.rig.schema}.jobs`)).rows[0]!.n;

test.each([
  ["ai.respond", { message: "" }, "payload.message", "too_small"],
  ["ai.respond", { message: "   " }, "payload.message", "invalid_format"],
  ["ai.respond", { message: "x".repeat(1_001) }, "payload.message", "too_big"],
  ["ai.respond", { message: "x", context: "x".repeat(5_001) }, "payload.context", "too_big"],
  ["ai.respond", { message: "x", sessionId: "a b" }, "payload.sessionId", "invalid_format"],
  ["ai.respond", { message: "x", userId: "ann@example.org" }, "payload.userId", "invalid_format"],
  ["ai.respond", { message: "x", maxCostMicros: 0 }, "payload.maxCostMicros", "too_small"],
  ["ai.respond", { message: "x", mood: "good" }, "payload.mood", "unrecognized_key"],
  ["ai.extract", { text: "x", schema: "horoscope" }, "payload.schema", "invalid_value"],
  ["ai.extract", { text: "", schema: "risk-score" }, "payload.text", "too_small"],
  ["ai.extract", { text: "x".repeat(10_001), schema: "risk-score" }, "payload.text", "too_big"],
])("%s refuses %o with its path and code, and stores nothing", async (job, payload, path, code) => {
  const before = await jobs();
  const { status, body } = await api.ask(`/v1/jobs/${job}`, { json: { payload } });
  assert.equal(status, 422);
  assert.deepEqual(
    body.errors.map((error: { path: string; code: string }) => [error.path, error.code]),
    [[path, code]],
  );
  assert.equal(await jobs(), before);
});

test("a budget that is used up refuses at the door, with its path, its code and when it ends; alone and in bulk", async () => {
  const asked = { message: "When?", purpose: "door" };
  const set = await api.ask("/v1/ai/budgets", {
    key: api.key.operator,
    json: { scope: "feature", subject: "door", period: "day", limitMicros: 0 },
  });
  assert.equal(set.status, 200);
  const before = await jobs();
  const midnight = new Date().setUTCHours(24, 0, 0, 0);
  for (const headers of [{}, { "idempotency-key": "once" }]) {
    const refused = await api.ask("/v1/jobs/ai.respond", { json: { payload: asked }, headers });
    assert.deepEqual([refused.status, refused.body.code], [429, "ai_budget_exceeded"]);
    assert.deepEqual(
      refused.body.errors.map((error: { path: string; code: string }) => [error.path, error.code]),
      [["payload", "ai_budget_exceeded"]],
    );
    assert.ok(refused.body.detail.includes(new Date(midnight).toISOString()), refused.body.detail);
    const seconds = Number(refused.headers.get("retry-after"));
    assert.ok(Math.abs(seconds * 1_000 - (midnight - Date.now())) < 60_000, String(seconds));
  }
  const entries = [{ message: "free" }, asked].map((payload) => ({ job: "ai.respond", payload }));
  assert.equal((await api.ask("/v1/jobs", { json: { jobs: entries } })).status, 429);
  assert.equal(await jobs(), before);
  assert.equal((await api.ask("/v1/jobs/ai.respond", { json: { payload: { message: "When?" } } })).status, 202);
});

test("budgets are set, read and removed by operators of the tenant, and audited", async () => {
  const budget = { scope: "user", subject: "ann", period: "month", limitMicros: 500, hard: false };
  assert.equal((await api.ask("/v1/ai/budgets", { json: budget })).status, 403);
  const { body } = await api.ask("/v1/ai/budgets", { key: api.key.operator, json: budget });
  const ofAnn = body.items.find(({ subject }: { subject: string }) => subject === "ann");
  assert.deepEqual([ofAnn.limitMicros, ofAnn.hard, ofAnn.spentMicros, ofAnn.exceeded], [500, false, 0, false]);
  assert.equal(new Date(ofAnn.resetsAt).getUTCDate(), 1);
  const strangers = (await api.ask("/v1/ai/budgets", { key: api.key.stranger })).body.items;
  assert.ok(strangers.every(({ subject }: { subject: string }) => subject !== "ann"));

  const address = "/v1/ai/budgets?scope=user&subject=ann&period=month";
  for (let twice = 0; twice < 2; twice += 1)
    assert.equal((await api.ask(address, { method: "DELETE", key: api.key.operator })).status, 204);
  const left = (await api.ask("/v1/ai/budgets")).body.items;
  assert.ok(left.every(({ subject }: { subject: string }) => subject !== "ann"));
  const { rows } = await api.rig.runtime.database.executeSql(
    `select action from ${api.rig.schema}.audit where subject = 'ai-budget/user/ann/month' order by id`,
  );
  assert.deepEqual(
    rows.map(({ action }) => action),
    ["ai.budget_set", "ai.budget_remove", "ai.budget_remove"],
  );
});

test.each([
  [{ scope: "tenant", subject: "ann", period: "day", limitMicros: 1 }, "subject"],
  [{ scope: "user", period: "day", limitMicros: 1 }, "subject"],
  [{ scope: "user", subject: "*", period: "year", limitMicros: 1 }, "period"],
  [{ scope: "user", subject: "*", period: "day", limitMicros: -1 }, "limitMicros"],
])("a budget that cannot be meant is refused: %o", async (json, path) => {
  const { status, body } = await api.ask("/v1/ai/budgets", { key: api.key.operator, json });
  assert.equal(status, 422);
  assert.deepEqual(
    body.errors.map((error: { path: string }) => error.path),
    [path],
  );
});

test("calls are listed page by page to their tenant alone, without what was asked and answered", async () => {
  await api.rig.work();
  const ids: string[] = [];
  for (const message of ["Is Zanzibar due?", "Is Zanzibar overdue?"]) {
    const { body } = await api.ask("/v1/jobs/ai.respond", { json: { payload: { message, purpose: "listed" } } });
    ids.push(body.id);
    await api.rig.settled(body.id);
  }
  const first = (await api.ask("/v1/ai/calls?limit=1&state=answered")).body;
  assert.equal(first.items[0].jobId, ids[1]);
  const second = (await api.ask(`/v1/ai/calls?limit=1&state=answered&cursor=${first.nextCursor}`)).body;
  assert.equal(second.items[0].jobId, ids[0]);
  const [one] = (await api.ask(`/v1/ai/calls?job=${ids[0]}`)).body.items;
  assert.deepEqual([one.provider, one.purpose, one.state], ["openai", "listed", "answered"]);
  assert.doesNotMatch(JSON.stringify([first, second]), /Zanzibar/);
  assert.deepEqual((await api.ask("/v1/ai/calls", { key: api.key.stranger })).body.items, []);
  assert.equal((await api.ask("/v1/ai/calls?state=lost")).status, 422);
});
