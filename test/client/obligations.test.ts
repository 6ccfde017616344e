import assert from "node:assert/strict";
import { afterAll, beforeAll, test } from "vitest";
import { catalog } from "../../src/catalog.ts";
import { type Client, createClient, ProblemError } from "../../src/client/client.ts";
import { ManualClock } from "../../src/core/clock.ts";
import { type Served, serve } from "../api/served.ts";

const owner = { id: "asha", name: "Asha Rao", email: "asha@example.com" };
const duty = {
  title: "GSTR-3B",
  kind: "tax-return",
  company: "acme-in",
  owner,
  timeZone: "Asia/Kolkata",
  due: { on: "2026-06-30" },
} as const;

let api: Served;
let client: Client;
let operator: Client;
beforeAll(async () => {
  api = await serve({ jobs: [catalog.get("reminders.deliver")], clock: new ManualClock("2026-06-01T00:00:00Z") });
  client = createClient({ baseUrl: api.url, key: api.key.producer });
  operator = createClient({ baseUrl: api.url, key: api.key.operator });
});
afterAll(() => api[Symbol.asyncDispose]());

const refusedAs = (code: string) => (error: unknown) => error instanceof ProblemError && error.code === code;

async function all<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const found: Item[] = [];
  for await (const item of items) found.push(item);
  return found;
}

test("an obligation is created, read, changed, listed and deleted; what was planned stays on record", async () => {
  const company = "whole-life";
  const made = await client.obligations.create({ ...duty, company }, { idempotencyKey: "once" });
  assert.deepEqual(await client.obligations.create({ ...duty, company }, { idempotencyKey: "once" }), made);
  assert.equal(made.open[0]!.dueOn, "2026-06-30");
  const changed = await client.obligations.change(made.id, { due: { on: "2026-07-31" }, offsets: [{ days: -3 }] });
  assert.deepEqual([changed.revision, changed.open[0]!.dueOn], [2, "2026-07-31"]);
  assert.deepEqual(await client.obligations.get(made.id), changed);
  assert.deepEqual(
    (await all(client.obligations.list({ company }))).map(({ id }) => id),
    [made.id],
  );
  const told = await all(client.obligations.deliveries(made.id));
  assert.ok(told.some(({ state, stage }) => state === "planned" && stage === "-3d"));
  await client.obligations.delete(made.id);
  await assert.rejects(client.obligations.get(made.id), refusedAs("obligation_not_found"));
  assert.equal((await all(client.obligations.deliveries(made.id))).length, told.length);
});

test("lists of more than a page are one list", async () => {
  const company = "many-duties";
  const due = { rrule: "FREQ=DAILY" };
  const { id } = await client.obligations.create({ ...duty, company, due, offsets: [{ days: 0 }] });
  const told = await all(client.obligations.deliveries(id));
  assert.ok(told.length > 400, `${told.length} of 430 days`);
  assert.equal(new Set(told.map((one) => one.id)).size, told.length);
  const ahead = await all(client.reminders.preview({ days: 30, company }));
  assert.ok(ahead.length >= 30 && ahead.every((one) => one.company === company && one.why !== ""));
  await client.obligations.delete(id);
});

test("an occurrence is acknowledged, snoozed and completed, and the company's standing follows", async () => {
  const company = "standing";
  const { id } = await client.obligations.create({ ...duty, company });
  assert.deepEqual((await client.reminders.compliance(company)).counts, {
    pending: 1,
    due_soon: 0,
    overdue: 0,
    passed: 0,
    completed: 0,
  });
  assert.equal((await client.reminders.compliance(company, { dueSoonDays: 60 })).counts.due_soon, 1);
  assert.notEqual((await client.obligations.acknowledge(id)).acknowledgedAt, null);
  const later = await client.obligations.snooze(id, { until: "2026-06-20", occurrence: "2026-06-30" });
  assert.equal(later.snoozedUntil, "2026-06-20");
  const done = await client.obligations.complete(id, { evidence: "ARN 1", occurrence: "2026-06-30" });
  assert.deepEqual([done.standing, done.evidence], ["completed", "ARN 1"]);
  const again = client.obligations.complete(id, { evidence: "ARN 2", occurrence: "2026-06-30" });
  await assert.rejects(again, refusedAs("occurrence_completed"));
  assert.equal((await client.reminders.compliance(company)).counts.completed, 1);
});

test("a calendar is listed, read, and applied to a company once", async () => {
  const ids = (await client.calendars.list()).map(({ id }) => id);
  assert.ok(ids.includes("in-gst"));
  const calendar = await client.calendars.get("in-gst");
  const applied = await client.calendars.apply("in-gst", { company: "calendar-co", owner, rules: ["gstr-1"] });
  assert.deepEqual(
    applied.created.map(({ source }) => source),
    [{ calendar: "in-gst", rule: "gstr-1" }],
  );
  const again = await client.calendars.apply("in-gst", { company: "calendar-co", owner });
  assert.deepEqual(again.existing, ["gstr-1"]);
  assert.equal(again.created.length, calendar.rules.filter((rule) => rule.when === undefined).length - 1);
  await assert.rejects(client.calendars.get("mars"), refusedAs("calendar_not_found"));
});

test("what is not known to have arrived is listed, and sent again by an operator who has looked", async () => {
  const { id } = await client.obligations.create({ ...duty, company: "trouble" });
  await api.rig.runtime.database.executeSql(
    `update ${api.rig.schema}.deliveries set state = 'unknown' where obligation_id = $1 and stage = '0d'`,
    [id],
  );
  const [held] = await all(client.reminders.troubled());
  assert.deepEqual([held!.obligationId, held!.state], [id, "unknown"]);
  assert.deepEqual(await all(client.reminders.troubled({ state: "failed" })), []);
  await assert.rejects(client.reminders.resend(held!.id), refusedAs("forbidden"));
  assert.equal((await operator.reminders.resend(held!.id)).state, "planned");
  await assert.rejects(operator.reminders.resend(held!.id), refusedAs("delivery_not_resendable"));
});
