import assert from "node:assert/strict";
import { v7 } from "uuid";
import { test } from "vitest";
import { AiBudgetExceeded, AiBudgetReserved } from "../../src/core/ai-budgets.ts";
import type { NewCall, PaidAnswer } from "../../src/core/ai-calls.ts";
import { ManualClock } from "../../src/core/clock.ts";
import { PostgresBudgets } from "../../src/services/ai/budget-ledger.ts";
import { PostgresCallBook } from "../../src/services/ai/call-book.ts";
import { endOf, startOf } from "../../src/services/ai/periods.ts";
import { testJob } from "../rig/jobs.ts";
import { type Rig, startRig, tenant } from "../rig/rig.ts";

const job = testJob(async () => undefined);

const call = (over: Partial<NewCall> = {}): NewCall => ({
  id: v7(),
  tenant,
  jobId: v7(),
  step: "answer",
  attempt: 1,
  userId: undefined,
  purpose: "general",
  provider: "openai",
  model: "m",
  estimateMicros: 100,
  priceFrom: "2026-01-01",
  ...over,
});

const paid = (costMicros: number): PaidAnswer => ({
  text: "yes",
  finish: "stop",
  provider: "openai",
  model: "m",
  usage: { inputTokens: 1, cachedInputTokens: 0, outputTokens: 1, reasoningTokens: 0 },
  costMicros,
});

function books(rig: Rig, dailyMicros: number | null = null, at = "2026-11-20T10:00:00Z") {
  const clock = new ManualClock(at);
  const { database } = rig.runtime;
  const budgets = new PostgresBudgets({ database, clock, dailyMicros });
  const book = new PostgresCallBook(database, budgets);
  const open = (one: NewCall) =>
    database.transaction((client) => book.open(one, { executeSql: (text, values) => client.query(text, values) }));
  return { clock, budgets, book, open };
}

const tenantDay = async (budgets: PostgresBudgets, of = tenant) =>
  (await budgets.status(of)).find(({ scope, period }) => scope === "tenant" && period === "day")!;

test("however many reserve at once, a hard budget is not passed; what is refused reserves nothing", async () => {
  await using rig = await startRig({ jobs: [job] });
  const { budgets, open } = books(rig, 1_000);
  const opened = await Promise.allSettled(Array.from({ length: 60 }, () => open(call({ estimateMicros: 70 }))));
  const refused = opened.filter((one) => one.status === "rejected");
  assert.equal(opened.length - refused.length, 14, "14 × 70 = 980");
  for (const { reason } of refused) assert.ok(reason instanceof AiBudgetReserved, String(reason));
  const status = await tenantDay(budgets);
  assert.deepEqual([status.reservedMicros, status.spentMicros], [980, 0]);
  const { rows } = await rig.runtime.database.executeSql(`select count(*)::int as n from ${rig.schema}.ai_calls`);
  assert.equal(rows[0]!.n, 14, "a refused call is not on record: it was never made");
});

test("settling frees what was reserved too much; a failed call frees all of it, an unknown one nothing", async () => {
  await using rig = await startRig({ jobs: [job] });
  const { budgets, book, open } = books(rig);
  const [answered, failed, unknown] = [call(), call(), call()];
  for (const one of [answered, failed, unknown]) await open(one);
  await book.end(answered, { state: "answered", answer: paid(30), durationMs: 1 });
  await book.end(failed, { state: "failed", errorCode: "x", durationMs: 1 });
  await book.end(unknown, { state: "unknown", errorCode: "x", durationMs: 1 });
  for (let again = 0; again < 2; again += 1) {
    const { reservedMicros, spentMicros } = await tenantDay(budgets);
    assert.deepEqual([reservedMicros, spentMicros], [0, 130]);
    await book.end(answered, { state: "answered", answer: paid(30), durationMs: 1 });
    await book.end(failed, { state: "unknown", errorCode: "y", durationMs: 1 });
  }
  // The answer of a call that had been given up arrives after all: what it cost replaces what it might have.
  await book.end(unknown, { state: "answered", answer: paid(45), durationMs: 1 });
  assert.equal((await tenantDay(budgets)).spentMicros, 75);
});

test("reservations and settlements of many calls at once lock nobody out and add up", async () => {
  await using rig = await startRig({ jobs: [job] });
  const { budgets, book, open } = books(rig);
  const users = ["ann", "bob", undefined];
  await Promise.all(
    Array.from({ length: 120 }, async (_, index) => {
      const one = call({ userId: users[index % 3], purpose: index % 2 ? "chat" : "search" });
      await open(one);
      await book.end(one, { state: "answered", answer: paid(10), durationMs: 1 });
    }),
  );
  for (const { scope, reservedMicros, spentMicros } of await budgets.status(tenant)) {
    assert.equal(reservedMicros, 0);
    assert.equal(spentMicros, { tenant: 1_200, user: 400, feature: 600 }[scope]);
  }
});

test("a budget may be a user's or a feature's, each one's or somebody's own, of a day or a month", async () => {
  await using rig = await startRig({ jobs: [job] });
  const { budgets, open } = books(rig);
  const hard = true;
  await budgets.set(tenant, { scope: "user", subject: "*", period: "day", limitMicros: 100, hard });
  await budgets.set(tenant, { scope: "user", subject: "ann", period: "day", limitMicros: 300, hard });
  await budgets.set(tenant, { scope: "feature", subject: "chat", period: "month", limitMicros: 500, hard });
  const scopeOf = (opening: Promise<void>) =>
    opening.then(
      () => "open",
      (error: AiBudgetExceeded) => `${error.details.scope} ${error.details.period}`,
    );
  const ask = (userId: string | undefined, purpose = "general") => scopeOf(open(call({ userId, purpose })));
  assert.deepEqual([await ask("bob"), await ask("bob")], ["open", "user day"]);
  assert.deepEqual([await ask("ann"), await ask("ann"), await ask("ann")], ["open", "open", "open"]);
  assert.equal(await ask("ann"), "user day");
  for (let n = 0; n < 5; n += 1) assert.equal(await ask(undefined, "chat"), "open");
  assert.equal(await ask(undefined, "chat"), "feature month");
  assert.equal(await ask(undefined), "open");
  assert.equal(await budgets.remove(tenant, { scope: "feature", subject: "chat", period: "month" }), true);
  assert.equal(await ask(undefined, "chat"), "open");
});

test("a soft budget refuses nothing and says that it is exceeded; another tenant's budget is its own", async () => {
  await using rig = await startRig({ jobs: [job] });
  const { budgets, book, open } = books(rig, 150);
  const before = await tenantDay(budgets);
  assert.deepEqual(
    [before.limitMicros, before.hard, before.spentMicros],
    [150, true, 0],
    "told before anything is spent",
  );
  await budgets.set(tenant, { scope: "tenant", subject: "", period: "day", limitMicros: 50, hard: false });
  await open(call());
  await open(call());
  const status = await tenantDay(budgets);
  assert.deepEqual([status.hard, status.limitMicros, status.exceeded], [false, 50, true]);
  const ofGlobex = call({ tenant: "globex" });
  await open(ofGlobex);
  await assert.rejects(open(call({ tenant: "globex" })), AiBudgetReserved, "it may come back yet");
  await book.end(ofGlobex, { state: "unknown", errorCode: "x", durationMs: 1 });
  await assert.rejects(open(call({ tenant: "globex" })), AiBudgetExceeded, "it is spent");
});

test("a new day has a new budget, and the refusal says when it comes", async () => {
  await using rig = await startRig({ jobs: [job] });
  const { clock, budgets, book, open } = books(rig, 100, "2026-12-31T23:59:59.500Z");
  const last = call();
  await open(last);
  await book.end(last, { state: "answered", answer: paid(100), durationMs: 1 });
  await assert.rejects(open(call()), (error: AiBudgetExceeded) => {
    assert.equal(error.resetsAt.toISOString(), "2027-01-01T00:00:00.000Z");
    return true;
  });
  await assert.rejects(budgets.check({ tenant, userId: undefined, purpose: "general" }), AiBudgetExceeded);
  clock.advance(500);
  await budgets.check({ tenant, userId: undefined, purpose: "general" });
  await open(call());
});

test("periods are those of UTC", () => {
  const at = new Date("2026-02-28T23:30:00Z");
  assert.deepEqual([startOf("day", at), startOf("month", at)], ["2026-02-28", "2026-02-01"]);
  assert.equal(endOf("day", at).toISOString(), "2026-03-01T00:00:00.000Z");
  assert.equal(endOf("month", new Date("2026-12-05T00:00:00Z")).toISOString(), "2027-01-01T00:00:00.000Z");
});
