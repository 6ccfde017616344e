import assert from "node:assert/strict";
import { describe, test } from "vitest";
import { catalog } from "../../src/catalog.ts";
import { ManualClock } from "../../src/core/clock.ts";
import { type Asked, type Served, serve } from "./served.ts";

const deliver = catalog.get("reminders.deliver");
const start = (at = "2026-06-01T00:00:00Z") => serve({ jobs: [deliver], clock: new ManualClock(at) });
const asha = { id: "asha", name: "Asha Rao", email: "asha@example.com" };
const duty = {
  title: "GSTR-3B",
  kind: "tax-return",
  company: "acme-in",
  owner: asha,
  timeZone: "Asia/Kolkata",
  due: { on: "2026-06-30" },
};
const path = "/v1/obligations";
const post = (api: Served, json: unknown, asked: Asked = {}) => api.ask(path, { json, ...asked });
const patch = (api: Served, id: string, json: unknown) => api.ask(`${path}/${id}`, { method: "PATCH", json });
const problemsOf = (body: { errors?: { path: string; code: string }[] }) =>
  (body.errors ?? []).map((one) => `${one.path} ${one.code}`).sort();
const rows = async ({ rig }: Served, table: string) =>
  (await rig.runtime.database.executeSql(`select count(*)::int as count from ${rig.schema}.${table}`)).rows[0]!
    .count as number;

test("an obligation is created with its plan, read, listed, changed and deleted; its record stays", async () => {
  await using api = await start();
  const made = await post(api, duty);
  assert.equal(made.status, 201, JSON.stringify(made.body));
  const { id } = made.body;
  assert.equal(made.headers.get("location"), `${path}/${id}`);
  assert.deepEqual(
    made.body.open.map((one: { dueOn: string; standing: string }) => `${one.dueOn} ${one.standing}`),
    ["2026-06-30 pending"],
  );
  assert.deepEqual((await api.ask(`${path}/${id}`)).body, made.body);

  const listed = await api.ask(`${path}?company=acme-in&limit=1`);
  assert.deepEqual([listed.body.items[0].id, listed.body.nextCursor], [id, null]);
  assert.deepEqual((await api.ask(`${path}?company=other`)).body.items, []);

  const changed = await patch(api, id, { due: { on: "2026-07-31" }, offsets: [{ days: -3, unit: "business" }] });
  assert.deepEqual([changed.status, changed.body.revision, changed.body.open[0].dueOn], [200, 2, "2026-07-31"]);
  const told = await api.ask(`${path}/${id}/deliveries`);
  const planned = told.body.items.filter((one: { state: string }) => one.state === "planned");
  assert.deepEqual(
    planned.map((one: { stage: string }) => one.stage),
    ["-3b", "overdue-owner"],
  );
  assert.deepEqual(planned[0].recipient, { id: "asha", role: "owner" });

  assert.equal((await api.ask(`${path}/${id}`, { method: "DELETE" })).status, 204);
  assert.equal((await api.ask(`${path}/${id}`)).body.code, "obligation_not_found");
  const record = (await api.ask(`${path}/${id}/deliveries?limit=2`)).body;
  const rest = (await api.ask(`${path}/${id}/deliveries?cursor=${record.nextCursor}`)).body;
  assert.equal(record.items.length + rest.items.length, told.body.items.length);
  assert.ok([...record.items, ...rest.items].every((one: { state: string }) => one.state !== "planned"));
});

describe("what is refused names every problem by its path, and stores nothing", () => {
  const refused: [string, Record<string, unknown>, string[]][] = [
    ["an unknown zone", { timeZone: "Mars/Olympus" }, ["timeZone zone_unknown"]],
    ["an unknown zone of a person", { owner: { ...asha, timeZone: "IST+5" } }, ["owner.timeZone zone_unknown"]],
    ["an impossible date", { due: { on: "2026-02-30" } }, ["due.on date_impossible"]],
    ["a rule that never fires", { due: { rrule: "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30" } }, ["due.rrule never_occurs"]],
    [
      "a rule that has ended",
      { due: { rrule: "FREQ=DAILY;UNTIL=20260101", from: "2025-01-01" } },
      ["due.rrule never_occurs"],
    ],
    ["a rule with hours", { due: { rrule: "FREQ=DAILY;BYHOUR=9" } }, ["due.rrule rule_not_on_dates"]],
    ["a rule that is none", { due: { rrule: "each month" } }, ["due.rrule rule_unreadable"]],
    ["no due date, and two", { due: {} }, ["due due_ambiguous"]],
    [
      "a recipient without an address for the channel",
      { channels: ["email", "slack"], owner: { id: "a", name: "A" } },
      ["owner.email address_missing", "owner.slack address_missing"],
    ],
    ["a manager without one", { manager: { id: "m", name: "M" } }, ["manager.email address_missing"]],
    ["an unknown calendar", { calendar: "ZZ" }, ["calendar calendar_unknown"]],
    ["a line break in a subject", { title: "Pay\r\nBcc: all@example.com" }, ["title invalid_format"]],
    ["half a character", { title: "\ud800" }, ["title lone_surrogate"]],
    ["an address as an id", { owner: { ...asha, id: "asha@example.com" } }, ["owner.id invalid_format"]],
    [
      "unknown fields, and several at once",
      { colour: "red", at: "9:00", channels: [] },
      ["at invalid_format", "channels too_small", "colour unrecognized_key"],
    ],
    [
      "what is wrong with one field, and between others",
      {
        timeZone: "Mars/Olympus",
        calendar: "ZZ",
        owner: { id: "a", name: "A" },
        due: { rrule: "FREQ=DAILY;UNTIL=20200101" },
      },
      ["calendar calendar_unknown", "owner.email address_missing", "timeZone zone_unknown"],
    ],
    [
      "a rule that never fires, in a company of no name",
      { company: "", due: { rrule: "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30" } },
      ["company invalid_format", "due.rrule never_occurs"],
    ],
    [
      "a day after the due date of what is over by then",
      { overdue: null, offsets: [{ days: 0 }, { days: 2, unit: "business" }] },
      ["offsets.1.days contradiction"],
    ],
    ["an offset given twice", { offsets: [{ days: 0 }, { days: 0 }] }, ["offsets repeated"]],
  ];
  test("at creation and at a change", async () => {
    await using api = await start();
    const { id } = (await post(api, duty)).body;
    const before = [(await api.ask(`${path}/${id}`)).body, (await api.ask(`${path}/${id}/deliveries`)).body];
    for (const [name, change, expected] of refused)
      for (const answer of [await post(api, { ...duty, ...change }), await patch(api, id, change)]) {
        assert.deepEqual(
          [name, answer.status, answer.body.code, problemsOf(answer.body)],
          [name, 422, "invalid_input", expected],
        );
        assert.doesNotMatch(answer.body.detail, /asha@|all@/, "no address in an error");
      }
    assert.deepEqual([(await api.ask(`${path}/${id}`)).body, (await api.ask(`${path}/${id}/deliveries`)).body], before);
    assert.equal(await rows(api, "obligations"), 1);
    assert.doesNotMatch(JSON.stringify(api.rig.lines), /asha@example/);
  });

  test("of what is said about an occurrence", async () => {
    await using api = await start();
    const { id } = (await post(api, duty)).body;
    const say = async (verb: string, json: unknown) => {
      const { status, body } = await api.ask(`${path}/${id}/${verb}`, { json });
      return [status, body.code, ...problemsOf(body)];
    };
    assert.deepEqual(await say("snooze", { until: "2026-07-01" }), [422, "invalid_input", "until snooze_past_due"]);
    assert.deepEqual(await say("snooze", { until: "2026-06-01" }), [422, "invalid_input", "until too_early"]);
    assert.deepEqual(await say("snooze", { until: "2026-06-31" }), [422, "invalid_input", "until date_impossible"]);
    assert.deepEqual(await say("complete", {}), [422, "invalid_input", "evidence invalid_type"]);
    assert.deepEqual(await say("complete", { evidence: "x", occurrence: "2026-06-29" }), [404, "occurrence_not_found"]);
    const { body } = await api.ask(`${path}/${id}/complete`, { json: { evidence: "ARN-1" } });
    assert.deepEqual([body.standing, body.evidence], ["completed", "ARN-1"]);
    assert.deepEqual(await say("acknowledge", { occurrence: "2026-06-30" }), [409, "occurrence_completed"]);
  });
});

test("another tenant sees nothing of it, a viewer changes nothing, and a repeated request makes one", async () => {
  await using api = await start();
  const asked = { headers: { "idempotency-key": "once" } };
  const first = await post(api, duty, asked);
  const again = await post(api, duty, asked);
  assert.deepEqual([again.status, again.body.id], [201, first.body.id]);
  assert.equal(again.headers.get("idempotency-replayed"), "true");
  const { id } = first.body;
  const stranger = { key: api.key.stranger };
  for (const [method, suffix, json] of [
    ["GET", "", undefined],
    ["PATCH", "", { title: "Mine" }],
    ["DELETE", "", undefined],
    ["GET", "/deliveries", undefined],
    ["POST", "/complete", { evidence: "x" }],
    ["POST", "/acknowledge", {}],
    ["POST", "/snooze", { until: "2026-06-10" }],
  ] as const)
    assert.deepEqual(
      [suffix, (await api.ask(`${path}/${id}${suffix}`, { ...stranger, method, json })).body.code],
      [suffix, "obligation_not_found"],
    );
  assert.deepEqual((await api.ask(path, stranger)).body.items, []);
  assert.deepEqual((await api.ask("/v1/reminders/preview", stranger)).body.items, []);
  assert.equal((await api.ask("/v1/compliance/acme-in", stranger)).body.total, 0);
  assert.equal((await post(api, duty, { key: api.key.viewer })).status, 403);
});

test("a preview has every message of the next days: to whom, when by their clock, and why", async () => {
  await using api = await start();
  const manager = { id: "chief", name: "Chitra", email: "c@example.com", timeZone: "America/New_York" };
  await post(api, { ...duty, manager, offsets: [{ days: -7 }, { days: -2, unit: "business" }, { days: 0 }] });
  await post(api, { ...duty, company: "other", due: { rrule: "FREQ=MONTHLY;BYMONTHDAY=11" }, offsets: [{ days: 0 }] });
  const seen = async (query: string) => {
    const { body } = await api.ask(`/v1/reminders/preview?${query}`);
    return body.items.map(
      (one: Record<string, unknown>) =>
        `${one.local} ${(one.recipient as { id: string }).id} ${one.channel} ${one.why}`,
    );
  };
  assert.deepEqual(await seen("days=90&company=acme-in"), [
    "2026-06-23T09:00 asha email 7 days before the due date, 2026-06-30",
    "2026-06-26T09:00 asha email 2 business days before the due date, 2026-06-30",
    "2026-06-30T09:00 asha email due on 2026-06-30",
    "2026-07-01T09:00 asha email overdue since 2026-06-30 if nobody completes it",
    "2026-07-03T09:00 chief email overdue since 2026-06-30 if nobody acknowledges or completes it",
  ]);
  assert.equal((await seen("days=12")).length, 2); // of 11 June: the day, and the day after
  const first = (await api.ask("/v1/reminders/preview?limit=4")).body;
  const second = (await api.ask(`/v1/reminders/preview?cursor=${first.nextCursor}`)).body;
  assert.equal(first.items.length + second.items.length, (await seen("")).length);
  assert.equal((await api.ask("/v1/reminders/preview?days=0&cursor=x")).status, 422);
});

test("a company's standing counts each occurrence once, by the day in its own zone", async () => {
  await using api = await start("2026-06-30T19:00:00Z"); // 1 July in India, 30 June in New York
  await post(api, duty);
  await post(api, { ...duty, timeZone: "America/New_York" });
  await post(api, { ...duty, due: { on: "2026-12-31" } });
  const done = (await post(api, { ...duty, due: { on: "2026-06-01" } })).body;
  await api.ask(`${path}/${done.id}/complete`, { json: { evidence: "ARN" } });
  const gone = (await post(api, { ...duty, due: { on: "2026-06-02" } })).body;
  await api.ask(`${path}/${gone.id}`, { method: "DELETE" });
  const { body } = await api.ask("/v1/compliance/acme-in");
  assert.deepEqual(body.counts, { pending: 1, due_soon: 1, overdue: 1, passed: 0, completed: 1 });
  assert.equal(body.total, 4);
  assert.deepEqual((await api.ask("/v1/compliance/acme-in?dueSoonDays=365")).body.counts, {
    pending: 0,
    due_soon: 2,
    overdue: 1,
    passed: 0,
    completed: 1,
  });
});

test("a meeting with `overdue: null` is due soon on its day, and has passed on the next: never overdue, and in one count", async () => {
  const clock = new ManualClock("2026-06-30T12:00:00Z");
  await using api = await serve({ jobs: [deliver], clock });
  const made = await post(api, { ...duty, title: "Review", kind: "meeting", overdue: null });
  assert.deepEqual([made.status, made.body.overdue, made.body.open[0].standing], [201, null, "due_soon"]);
  await post(api, duty); // a tax return of the same day
  const standing = async () => (await api.ask("/v1/compliance/acme-in")).body;
  const { counts, total } = await standing();
  assert.deepEqual([counts, total], [{ pending: 0, due_soon: 2, overdue: 0, passed: 0, completed: 0 }, 2]);
  clock.advance(12 * 3_600_000);
  const next = await standing();
  assert.deepEqual([next.counts, next.total], [{ pending: 0, due_soon: 0, overdue: 1, passed: 1, completed: 0 }, 2]);
  assert.deepEqual((await api.ask(`${path}/${made.body.id}`)).body.open, []);
  const { body } = await api.ask(`${path}/${made.body.id}/complete`, { json: { evidence: "minutes" } });
  assert.equal(body.code, "occurrence_not_found");
  assert.ok((await patch(api, made.body.id, { overdue: { ownerDays: 2 } })).body.overdue.managerDays === 3);
});

describe("calendars", () => {
  const apply = (api: Served, id: string, json: object) =>
    api.ask(`/v1/calendars/${id}/apply`, { json: { company: "acme-in", owner: asha, ...json } });

  test("each has sources and a date of review, and becomes a company's obligations, once", async () => {
    await using api = await start("2026-03-31T19:00:00Z"); // 1 April in India: the first day of its financial year
    const { items } = (await api.ask("/v1/calendars")).body;
    assert.deepEqual(
      items.map((one: { id: string }) => one.id),
      ["in-gst", "in-tds", "eu-oss", "uk-vat", "soc2"],
    );
    for (const one of items) {
      assert.ok(one.reviewedOn && one.rules.every(({ source }: { source: string }) => source.length > 0));
      const { status, body } = await apply(api, one.id, {});
      assert.equal(status, 200, JSON.stringify(body));
      assert.equal(body.created.length, one.rules.filter(({ when }: { when?: string }) => when === undefined).length);
      assert.deepEqual((await apply(api, one.id, {})).body.created, []);
      const everything = one.rules.map(({ key }: { key: string }) => key);
      assert.equal((await apply(api, one.id, { rules: everything })).body.existing.length, body.created.length);
    }
    const days = async (calendar: string, rule: string, until: string) => {
      const { rows: found } = await api.rig.runtime.database.executeSql(
        `select c.due_on::text from ${api.rig.schema}.occurrences c join ${api.rig.schema}.obligations o on o.id = c.obligation_id
         where source_calendar = $1 and source_rule = $2 and due_on <= $3 order by 1`,
        [calendar, rule, until],
      );
      return found.map((row) => row.due_on.slice(5));
    };
    assert.deepEqual(await days("in-tds", "form-140", "2027-03-31"), ["05-31", "07-31", "10-31", "01-31"]);
    assert.deepEqual(await days("in-tds", "form-143", "2027-03-31"), ["05-15", "07-15", "10-15", "01-15"]);
    assert.deepEqual(await days("in-tds", "deposit-march", "2027-03-31"), ["04-30"]);
    assert.deepEqual((await days("in-tds", "deposit", "2027-03-31")).length, 11);
    assert.deepEqual(await days("eu-oss", "oss", "2027-03-31"), ["04-30", "07-31", "10-31", "01-31"]); // 31 January 2027 is a Sunday
    assert.deepEqual(await days("uk-vat", "stagger-1", "2027-03-31"), ["05-07", "08-07", "11-07", "02-07"]); // 7 November 2026 is a Saturday
    assert.deepEqual(await days("in-gst", "gstr-4", "2027-03-31"), ["06-30"]);
  });

  test("one that is not there, a rule that is not in it, a person without an address: nothing is stored", async () => {
    await using api = await start();
    assert.equal((await apply(api, "in-vat", {})).body.code, "calendar_not_found");
    assert.deepEqual(problemsOf((await apply(api, "in-gst", { rules: ["gstr-1", "gstr-99"] })).body), [
      "rules.1 rule_unknown",
    ]);
    assert.deepEqual(problemsOf((await apply(api, "in-gst", { channels: ["slack"] })).body), [
      "owner.slack address_missing",
    ]);
    assert.deepEqual(problemsOf((await apply(api, "in-gst", { title: "Mine" })).body), ["title unrecognized_key"]);
    const all = {
      ...{ company: "", at: "9:00", title: "Mine", timeZone: "Mars/Olympus" },
      ...{ channels: ["email", "slack"], manager: { id: "m", name: "M", email: "m@example.com" } },
      rules: ["gstr-99", 5, "x".repeat(81), "gstr-1", "gstr-98"],
    };
    const { status, body } = await apply(api, "in-gst", all);
    assert.equal(status, 422);
    assert.deepEqual(problemsOf(body), [
      "at invalid_format",
      "company invalid_format",
      "manager.slack address_missing",
      "owner.slack address_missing",
      "rules.0 rule_unknown",
      "rules.1 invalid_type",
      "rules.2 too_big",
      "rules.4 rule_unknown",
      "timeZone zone_unknown",
      "title unrecognized_key",
    ]);
    assert.deepEqual(problemsOf((await apply(api, "in-gst", { company: "\ud800" })).body), ["company lone_surrogate"]);
    assert.deepEqual(problemsOf((await api.ask("/v1/calendars/in-gst/apply", { json: [] })).body), [" invalid_type"]);
    assert.equal(await rows(api, "obligations"), 0);
  });

  test("an obligation of a rule does not move to a company that has one", async () => {
    await using api = await start();
    const one = (await apply(api, "in-gst", { rules: ["gstr-1"] })).body.created[0];
    await apply(api, "in-gst", { rules: ["gstr-1"], company: "other" });
    const moved = await patch(api, one.id, { company: "other" });
    assert.deepEqual([moved.status, ...problemsOf(moved.body)], [422, "company rule_taken"]);
    assert.equal((await patch(api, one.id, { company: "third" })).body.company, "third");
  });
});

test("an operator sees what is unknown and has it sent again; a producer does not", async () => {
  await using api = await start("2026-06-30T04:00:00Z");
  const { id } = (await post(api, duty)).body;
  const { outbox } = api.rig.runtime.reminders;
  const message = (await api.ask(`${path}/${id}/deliveries`)).body.items.find(
    (one: { state: string; stage: string }) => one.state === "planned" && one.stage === "0d",
  );
  const claim = await outbox.claim("acme", message.id, []);
  if (claim.kind === "send") await outbox.lost(claim.message, "answer_lost");
  const { items } = (await api.ask("/v1/reminders/deliveries?state=unknown")).body;
  assert.deepEqual(
    items.map((one: { id: string; errorCode: string }) => [one.id, one.errorCode]),
    [[message.id, "answer_lost"]],
  );
  const resend = (asked: Asked) =>
    api.ask(`/v1/reminders/deliveries/${message.id}/resend`, { method: "POST", ...asked });
  assert.equal((await resend({})).status, 403);
  assert.equal((await resend({ key: api.key.stranger })).body.code, "delivery_not_found");
  const again = await resend({ key: api.key.operator });
  assert.deepEqual([again.status, again.body.state], [202, "planned"]);
  assert.equal((await resend({ key: api.key.operator })).body.code, "delivery_not_resendable");
});
