import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "vitest";
import { HolidayBook } from "../../src/reminders/holiday-book.ts";
import { tenant } from "../rig/rig.ts";
import { asha, bela, chief, deliver, openStage, type Stage } from "./stage.ts";

const signal = () => new AbortController().signal;
const change = (stage: Stage, id: string, patch: Record<string, unknown>) =>
  stage.rig.runtime.reminders.obligations.change(tenant, id, patch);
/** Say that what is due now was sent, as a worker would. */
async function send(stage: Stage): Promise<void> {
  const { outbox } = stage.rig.runtime.reminders;
  for (const { id } of await stage.rows(undefined, ["planned"])) {
    const claim = await outbox.claim(tenant, id, []);
    if (claim.kind === "send") await outbox.sent(claim.message, "sent by the test");
  }
}

test("a message for each stage, at the recipient's hour, 400 days ahead", async () => {
  await using stage = await openStage("2026-05-01T00:00:00Z");
  const { id } = await stage.create({ manager: { ...chief, timeZone: "America/New_York" } });
  assert.deepEqual(await stage.lines(id), [
    "-30d asha email planned 2026-05-31T03:30",
    "-7d asha email planned 2026-06-23T03:30",
    "-1d asha email planned 2026-06-29T03:30",
    "0d asha email planned 2026-06-30T03:30",
    "overdue-owner asha email planned 2026-07-01T03:30",
    "overdue-manager chief email planned 2026-07-03T13:00", // 09:00 in New York
  ]);
  const monthly = await stage.create({ due: { rrule: "FREQ=MONTHLY;BYMONTHDAY=20" }, offsets: [{ days: 0 }] });
  const due = (await stage.rows(monthly.id)).filter((row) => row.stage === "0d").map((row) => row.dueOn);
  assert.deepEqual([due.length, due[0], due.at(-1)], [14, "2026-05-20", "2027-06-20"]);
});

test("+05:45 Nepal, with a recipient in India: 09:00 where each of them is", async () => {
  await using stage = await openStage("2026-05-01T00:00:00Z");
  const nepal = await stage.create({ timeZone: "Asia/Kathmandu", offsets: [{ days: 0 }] });
  const india = await stage.create({
    timeZone: "Asia/Kathmandu",
    owner: { ...asha, timeZone: "Asia/Kolkata" },
    offsets: [{ days: 0 }],
  });
  assert.equal((await stage.lines(nepal.id))[0], "0d asha email planned 2026-06-30T03:15");
  assert.equal((await stage.lines(india.id))[0], "0d asha email planned 2026-06-30T03:30");
});

test("a message at 02:30 in the spring gap goes out once, right after it; at 01:30 in the autumn repeat once, the first time", async () => {
  await using stage = await openStage("2026-01-01T00:00:00Z");
  const york = { timeZone: "America/New_York", offsets: [{ days: 0 }] };
  const spring = await stage.create({ ...york, at: "02:30", due: { on: "2026-03-08" } });
  const autumn = await stage.create({ ...york, at: "01:30", due: { on: "2026-11-01" } });
  assert.equal((await stage.lines(spring.id))[0], "0d asha email planned 2026-03-08T07:00");
  assert.equal((await stage.lines(autumn.id))[0], "0d asha email planned 2026-11-01T05:30");
});

test("business days count by the calendar of the obligation, and a roll moves the due date", async () => {
  await using stage = await openStage("2026-01-01T00:00:00Z");
  const { id } = await stage.create({
    calendar: "IN",
    roll: "following",
    due: { on: "2026-10-02" }, // Gandhi Jayanti, a Friday
    offsets: [{ days: -5, unit: "business" }, { days: 0 }],
  });
  const [early, last] = await stage.rows(id);
  assert.equal(early!.line, "-5b asha email planned 2026-09-25T03:30"); // 1 Oct, 30, 29, 28, 25 September
  assert.equal(last!.line, "0d asha email planned 2026-10-05T03:30");
  assert.equal(last!.dueOn, "2026-10-05");
  const diwali = await stage.create({
    calendar: "IN",
    roll: "preceding",
    due: { on: "2026-11-08" },
    offsets: [{ days: 0 }],
  });
  assert.equal((await stage.rows(diwali.id))[0]!.dueOn, "2026-11-06"); // a Sunday, and Diwali by our override file
});

test("due today at creation: the stages before are not sent, and one message goes out now", async () => {
  await using stage = await openStage("2026-06-30T10:00:00Z"); // 15:30 in India, after 09:00
  const { id } = await stage.create();
  assert.deepEqual(await stage.lines(id), [
    "-30d asha email suppressed past",
    "-7d asha email suppressed past",
    "-1d asha email suppressed past",
    "0d asha email planned 2026-06-30T10:00",
    "overdue-owner asha email planned 2026-07-01T03:30",
  ]);
});

test("due today at creation, before the hour: it waits for the hour", async () => {
  await using stage = await openStage("2026-06-30T01:00:00Z");
  const { id } = await stage.create({ offsets: [{ days: 0 }] });
  assert.deepEqual(await stage.lines(id, ["planned"]), [
    "0d asha email planned 2026-06-30T03:30",
    "overdue-owner asha email planned 2026-07-01T03:30",
  ]);
});

test("a due date moved to before a reminder that was sent: the owner hears the new date at once, and its own stages follow", async () => {
  await using stage = await openStage("2026-05-01T00:00:00Z");
  const { id } = await stage.create();
  stage.at("2026-06-23T04:00:00Z");
  await send(stage); // -30d is overtaken by -7d
  const moved = await change(stage, id, { due: { on: "2026-06-20" } }); // three days ago
  assert.equal(moved.revision, 2);
  assert.deepEqual(
    (await stage.rows(id)).map(({ dueOn, line }) => `${dueOn} ${line}`),
    [
      "2026-06-20 -30d asha email suppressed past",
      "2026-06-20 -7d asha email suppressed past",
      "2026-06-20 -1d asha email suppressed past",
      "2026-06-20 0d asha email suppressed past",
      "2026-06-20 overdue-owner asha email suppressed past",
      "2026-06-20 moved-2026-06-20 asha email planned 2026-06-23T04:00",
      "2026-06-30 -30d asha email suppressed overtaken",
      "2026-06-30 -7d asha email sent 2026-06-23T03:30",
      "2026-06-30 -1d asha email superseded withdrawn",
      "2026-06-30 0d asha email superseded withdrawn",
      "2026-06-30 overdue-owner asha email superseded withdrawn",
    ],
  );
});

test("a due date moved later and back again: each message goes out once, whatever happens in between", async () => {
  await using stage = await openStage("2026-05-01T00:00:00Z");
  const { id } = await stage.create();
  stage.at("2026-06-01T00:00:00Z");
  await send(stage); // -30d
  await change(stage, id, { due: { on: "2026-07-31" } });
  await change(stage, id, { due: { on: "2026-06-30" } });
  const lines = await stage.lines(id, ["planned", "sent"]);
  assert.deepEqual(lines, [
    "-30d asha email sent 2026-05-31T03:30",
    "-7d asha email planned 2026-06-23T03:30",
    "-1d asha email planned 2026-06-29T03:30",
    "0d asha email planned 2026-06-30T03:30",
    "overdue-owner asha email planned 2026-07-01T03:30",
  ]);
});

test("reassigned after stage 2: what the old owner was told stays on record, the new one is told once and gets what follows", async () => {
  await using stage = await openStage("2026-05-01T00:00:00Z");
  const { id } = await stage.create();
  stage.at("2026-05-31T04:00:00Z");
  await send(stage);
  stage.at("2026-06-23T04:00:00Z");
  await send(stage);
  stage.at("2026-06-25T12:00:00Z");
  await change(stage, id, { owner: bela });
  assert.deepEqual(await stage.lines(id), [
    "-30d asha email sent 2026-05-31T03:30",
    "-30d bela email suppressed past",
    "-7d asha email sent 2026-06-23T03:30",
    "-7d bela email planned 2026-06-25T12:00",
    "-1d asha email superseded changed",
    "-1d bela email planned 2026-06-29T03:30",
    "0d asha email superseded changed",
    "0d bela email planned 2026-06-30T03:30",
    "overdue-owner asha email superseded changed",
    "overdue-owner bela email planned 2026-07-01T03:30",
  ]);
  await change(stage, id, { title: "GSTR-3B of June" });
  assert.equal(
    (await stage.lines(id, ["planned"]))[0],
    "-7d bela email planned 2026-06-25T12:00",
    "a second change puts nothing off",
  );
});

describe("an obligation that is overdue when it is first heard of", () => {
  const manager = { ...chief, timeZone: "America/New_York" };
  const ladder = async (stage: Stage, id: string) =>
    (await stage.lines(id, ["planned", "sent", "suppressed"])).filter((line) => /^(overdue|moved)-/.test(line));

  test("the owner is told now, and the manager as many days later as lie between the two", async () => {
    await using stage = await openStage("2026-07-10T10:00:00Z"); // ten days late
    const { id } = await stage.create({ manager });
    const waits = "overdue-manager chief email planned 2026-07-12T13:00"; // 09:00 in New York
    assert.deepEqual(await ladder(stage, id), ["overdue-owner asha email planned 2026-07-10T10:00", waits]);
    await send(stage);
    stage.at("2026-07-11T20:00:00Z");
    await change(stage, id, { title: "Again" });
    assert.deepEqual(await ladder(stage, id), ["overdue-owner asha email sent 2026-07-10T10:00", waits]);
    const apart = await stage.create({ manager, overdue: { ownerDays: 2, managerDays: 7 } });
    // It is the 12th where the owner is.
    assert.equal((await ladder(stage, apart.id))[1], "overdue-manager chief email planned 2026-07-17T13:00");
    await stage.rig.runtime.reminders.occurrences.acknowledge(tenant, id, {});
    assert.equal((await ladder(stage, id))[1], "overdue-manager chief email suppressed acknowledged");
  });

  test("a manager who is told before the owner, or on the same day, by the obligation's own word, does not wait", async () => {
    await using stage = await openStage("2026-07-10T10:00:00Z");
    const { id } = await stage.create({ manager, overdue: { ownerDays: 3, managerDays: 3 } });
    assert.equal((await ladder(stage, id))[1], "overdue-owner asha email planned 2026-07-10T10:00");
    assert.equal((await ladder(stage, id))[0], "overdue-manager chief email planned 2026-07-10T10:00");
  });

  test("a due date that is moved into the past: the manager hears after the owner had the time to answer the news", async () => {
    await using stage = await openStage("2026-06-01T00:00:00Z");
    const { id } = await stage.create({ manager });
    await send(stage); // -30d
    await change(stage, id, { due: { on: "2026-05-20" } });
    assert.deepEqual(await ladder(stage, id), [
      "overdue-owner asha email suppressed past",
      "moved-2026-05-20 asha email planned 2026-06-01T00:00",
      "overdue-manager chief email planned 2026-06-03T13:00",
    ]);
  });

  test("a manager who is named later, or an owner who is another one, puts nothing off", async () => {
    await using stage = await openStage("2026-06-29T00:00:00Z");
    const { id } = await stage.create({ offsets: [] });
    stage.at("2026-07-01T04:00:00Z");
    await send(stage);
    stage.at("2026-07-02T04:00:00Z");
    await change(stage, id, { manager, owner: bela });
    assert.deepEqual(await stage.lines(id, ["planned"]), [
      "overdue-owner bela email planned 2026-07-02T04:00",
      "overdue-manager chief email planned 2026-07-03T13:00",
    ]);
    stage.at("2026-07-09T00:00:00Z");
    await change(stage, id, { manager: { ...manager, id: "boss" } });
    assert.ok((await stage.lines(id)).includes("overdue-manager boss email planned 2026-07-09T00:00"));
  });
});

describe("what is never overdue", () => {
  const weekly = { title: "Weekly review", kind: "meeting", due: { rrule: "FREQ=WEEKLY;BYDAY=MO,WE,FR" } };
  const meeting = { ...weekly, overdue: null, offsets: [{ days: -1 }, { days: 0 }], manager: chief };
  const counts = async ({ rig }: Stage) => (await rig.runtime.reminders.compliance.of(tenant, "acme-in")).counts;
  const openOf = async ({ rig }: Stage, id: string) => {
    const { obligations, occurrences } = rig.runtime.reminders;
    return (await occurrences.open((await obligations.find(tenant, id))!, { limit: 2 })).map(({ dueOn }) => dueOn);
  };

  test("a meeting is reminded of up to its day; then it has passed, whether or not anybody planned since", async () => {
    await using stage = await openStage("2026-06-01T00:00:00Z"); // a Monday
    const { id } = await stage.create(meeting);
    assert.ok(
      (await stage.rows(id)).every(({ stage: name }) => name === "-1d" || name === "0d"),
      "no ladder",
    );
    assert.deepEqual((await stage.lines(id)).slice(0, 4), [
      "-1d asha email planned 2026-06-01T00:00", // its hour was over, so it goes out now
      "0d asha email planned 2026-06-01T03:30",
      "-1d asha email planned 2026-06-02T03:30",
      "0d asha email planned 2026-06-03T03:30",
    ]);
    assert.deepEqual((await counts(stage)).passed, 0);
    stage.at("2026-06-01T18:29:00Z"); // a minute before midnight in India
    assert.deepEqual(await openOf(stage, id), ["2026-06-01", "2026-06-03"]);
    stage.at("2026-06-01T18:30:00Z");
    assert.deepEqual(await openOf(stage, id), ["2026-06-03", "2026-06-05"]);
    const { overdue, passed, due_soon } = await counts(stage);
    assert.deepEqual([overdue, passed, due_soon], [0, 1, 6]);

    const { occurrences } = stage.rig.runtime.reminders;
    const next = await occurrences.complete(tenant, id, { evidence: "minutes of the 3rd", by: "key" });
    assert.equal(next.occursOn, "2026-06-03", "without a day it is the earliest that is open");
    const late = { occurrence: "2026-06-01", evidence: "minutes of the 1st", by: "key" };
    assert.equal((await occurrences.complete(tenant, id, late)).standing, "completed");
    const after = await counts(stage);
    assert.deepEqual([after.passed, after.completed], [0, 2]);
  });

  test("what an outage left of it is not told the day after", async () => {
    await using stage = await openStage("2026-06-01T00:00:00Z");
    const { id } = await stage.create({ ...meeting, due: { on: "2026-06-03" } });
    await stage.rig.work();
    stage.at("2026-06-04T00:00:00Z");
    await stage.sweep();
    assert.deepEqual(await stage.mails(), []);
    assert.deepEqual(await stage.lines(id), [
      "-1d asha email superseded withdrawn",
      "0d asha email superseded withdrawn",
    ]);
  });

  test("a day that was over when it was created, or where the recipient's morning is after it: nothing is planned", async () => {
    await using stage = await openStage("2026-06-04T00:00:00Z");
    const past = await stage.create({ ...meeting, due: { on: "2026-06-03" } });
    assert.deepEqual(await stage.lines(past.id), []);
    const far = { timeZone: "Pacific/Auckland", owner: { ...asha, timeZone: "America/Los_Angeles" } };
    const away = await stage.create({ ...meeting, ...far, due: { on: "2026-06-10" } });
    assert.deepEqual(await stage.lines(away.id), ["-1d asha email planned 2026-06-09T16:00"]);
    const { passed, due_soon } = await counts(stage);
    assert.deepEqual([passed, due_soon], [1, 1]);
  });

  test("an obligation that is made so ends what is overdue, and its page; made an ordinary one again, it begins anew", async () => {
    await using stage = await openStage("2026-06-01T00:00:00Z");
    const { id } = await stage.create({ ...weekly, offsets: [{ days: 0 }], channels: ["email", "pagerduty"] });
    stage.at("2026-06-02T04:00:00Z");
    await send(stage);
    assert.equal((await counts(stage)).overdue, 1);
    await change(stage, id, { overdue: null });
    const { overdue, passed } = await counts(stage);
    assert.deepEqual([overdue, passed], [0, 1]);
    const left = (await stage.lines(id, ["planned"])).filter((line) => !line.startsWith("0d"));
    assert.deepEqual(left, ["resolve asha pagerduty planned 2026-06-02T04:00"]);

    stage.at("2026-06-08T20:00:00Z");
    await change(stage, id, { overdue: {} });
    const again = await counts(stage);
    assert.deepEqual([again.overdue, again.passed], [0, 4], "the 1st, 3rd, 5th and 8th");
    const ladder = (await stage.lines(id, ["planned"])).filter((line) => line.startsWith("overdue-owner asha email"));
    assert.equal(ladder[0], "overdue-owner asha email planned 2026-06-11T03:30");
    await stage.rig.runtime.reminders.obligations.remove(tenant, id);
    assert.equal((await counts(stage)).passed, 4, "what has passed stays on record");
  });
});

test("a plan that cannot be written takes its change back with it: both are one commit", async () => {
  await using stage = await openStage("2026-05-01T00:00:00Z");
  const { id } = await stage.create();
  const { database, reminders } = stage.rig.runtime;
  const { schema } = stage.rig;
  const all = async () =>
    Promise.all([
      database.executeSql(`select * from ${schema}.obligations order by id`).then(({ rows }) => rows),
      database.executeSql(`select * from ${schema}.occurrences order by occurs_on`).then(({ rows }) => rows),
      database.executeSql(`select * from ${schema}.deliveries order by id`).then(({ rows }) => rows),
    ]);
  const before = await all();
  await database.executeSql(
    `alter table ${schema}.deliveries add constraint refused check (stage <> '-3d' and stage not like 'snooze-%')`,
  );
  const offsets = [{ days: -30 }, { days: -3 }];
  await assert.rejects(change(stage, id, { offsets, due: { on: "2026-07-31" } }), { constraint: "refused" });
  await assert.rejects(stage.create({ offsets }), { constraint: "refused" });
  await assert.rejects(reminders.occurrences.snooze(tenant, id, { until: "2026-06-10" }), { constraint: "refused" });
  assert.deepEqual(await all(), before);
});

test("an hour that is changed to one that is over today: today's message goes out now, and is not lost", async () => {
  await using stage = await openStage("2026-05-01T00:00:00Z");
  const { id } = await stage.create({ offsets: [{ days: -1 }, { days: 0 }] });
  stage.at("2026-06-29T04:00:00Z");
  await send(stage);
  stage.at("2026-06-30T03:00:00Z"); // 08:30 in India; the message waits for 09:00
  await change(stage, id, { at: "08:00" });
  const lines = ["0d asha email planned 2026-06-30T03:00", "overdue-owner asha email planned 2026-07-01T02:30"];
  assert.deepEqual(await stage.lines(id, ["planned"]), lines);
  stage.at("2026-06-30T03:05:00Z");
  await change(stage, id, { title: "Again" });
  assert.deepEqual(await stage.lines(id, ["planned"]), lines, "and a second change does not put it off");
});

test("a holiday declared the evening before moves the due date, and whoever was told is told", async () => {
  await using stage = await openStage("2026-05-01T00:00:00Z");
  const { id } = await stage.create({ calendar: "IN", roll: "following", offsets: [{ days: -1 }, { days: 0 }] });
  stage.at("2026-06-29T04:00:00Z");
  await send(stage); // "tomorrow"
  stage.at("2026-06-29T14:30:00Z"); // 20:00 in India
  await mkdir(stage.holidaysDir, { recursive: true });
  const file = { source: "State gazette", reviewedOn: "2026-06-29", add: [{ date: "2026-06-30", name: "Mourning" }] };
  await writeFile(join(stage.holidaysDir, "IN.json"), JSON.stringify(file));
  const { outbox } = stage.rig.runtime.reminders;
  assert.deepEqual(
    await outbox.sweep(stage.rig.runtime.catalog.get("reminders.deliver"), { signal: signal(), repeatable: [] }),
    {
      due: 1,
      lost: 0,
      replanned: 1,
    },
  );
  assert.deepEqual(
    (await stage.rows(id)).map(({ dueOn, line }) => `${dueOn} ${line}`),
    [
      "2026-06-30 -1d asha email sent 2026-06-29T03:30",
      "2026-07-01 moved-2026-07-01 asha email planned 2026-06-29T14:30",
      "2026-07-01 0d asha email planned 2026-07-01T03:30",
      "2026-07-01 overdue-owner asha email planned 2026-07-02T03:30",
    ],
  );
});

test("a plan that was made with another version of the holiday library is made again", async () => {
  await using stage = await openStage("2026-05-01T00:00:00Z");
  const made = { calendar: "IN", roll: "following", due: { on: "2026-10-02" }, offsets: [{ days: 0 }] };
  const { id } = await stage.create(made); // Gandhi Jayanti, which an older library did not know
  const { database, log } = stage.rig.runtime;
  const { schema } = stage.rig;
  const before = new HolidayBook({ dir: stage.holidaysDir, log, library: "3.0.0 3.0.0" }).version("IN");
  await database.executeSql(`update ${schema}.obligations set holidays_version = $1`, [before]);
  await database.executeSql(`update ${schema}.occurrences set due_on = '2026-10-02'`);
  const { outbox, obligations, occurrences } = stage.rig.runtime.reminders;
  const sweep = () => outbox.sweep(deliver, { signal: signal(), repeatable: [] });
  assert.deepEqual(await sweep(), { due: 0, lost: 0, replanned: 1 });
  const [open] = await occurrences.open((await obligations.find(tenant, id))!, { limit: 1 });
  assert.equal(open!.dueOn, "2026-10-05");
  assert.deepEqual(await sweep(), { due: 0, lost: 0, replanned: 0 });
});

describe("complete, acknowledge, snooze", () => {
  test("completed: nothing more is said, and saying so again changes nothing", async () => {
    await using stage = await openStage("2026-05-01T00:00:00Z");
    const { id } = await stage.create();
    const { occurrences } = stage.rig.runtime.reminders;
    const done = await occurrences.complete(tenant, id, { evidence: "ARN-1", by: "key" });
    assert.deepEqual([done.standing, done.evidence], ["completed", "ARN-1"]);
    assert.deepEqual(await stage.lines(id, ["planned"]), []);
    await occurrences.complete(tenant, id, { occurrence: "2026-06-30", evidence: "ARN-1", by: "key" });
    const other = occurrences.complete(tenant, id, { occurrence: "2026-06-30", evidence: "ARN-2", by: "key" });
    await assert.rejects(other, { code: "occurrence_completed" });
    await assert.rejects(occurrences.complete(tenant, id, { evidence: "ARN-3", by: "key" }), {
      code: "occurrence_not_found",
    });
    await change(stage, id, { offsets: [{ days: -2 }] });
    assert.deepEqual(await stage.lines(id, ["planned"]), [], "a change does not wake what is done");
  });

  test("acknowledged: the ladder stops, reminders go on, also when it is planned again", async () => {
    await using stage = await openStage("2026-05-01T00:00:00Z");
    const { id } = await stage.create({ manager: chief, offsets: [{ days: 0 }] });
    await stage.rig.runtime.reminders.occurrences.acknowledge(tenant, id, {});
    const lines = [
      "0d asha email planned 2026-06-30T03:30",
      "overdue-owner asha email suppressed acknowledged",
      "overdue-manager chief email suppressed acknowledged",
    ];
    assert.deepEqual(await stage.lines(id), lines);
    await change(stage, id, { title: "Again" });
    assert.deepEqual(await stage.lines(id), lines);
  });

  test("snoozed: silence until the day, one reminder on it; past the due date it is refused", async () => {
    await using stage = await openStage("2026-06-10T00:00:00Z");
    const { id } = await stage.create();
    const { occurrences } = stage.rig.runtime.reminders;
    await occurrences.snooze(tenant, id, { until: "2026-06-25" });
    assert.deepEqual(await stage.lines(id), [
      "-30d asha email suppressed snoozed",
      "-7d asha email suppressed snoozed",
      "snooze-2026-06-25 asha email planned 2026-06-25T03:30",
      "-1d asha email planned 2026-06-29T03:30",
      "0d asha email planned 2026-06-30T03:30",
      "overdue-owner asha email planned 2026-07-01T03:30",
    ]);
    await occurrences.snooze(tenant, id, { until: "2026-06-29" }); // there is a reminder on that day anyway
    assert.equal((await stage.lines(id, ["planned"]))[0], "-1d asha email planned 2026-06-29T03:30");
    const refused = async (until: string, code: string) =>
      assert.rejects(occurrences.snooze(tenant, id, { until }), (error: { problems: object[] }) => {
        assert.deepEqual(
          error.problems.map((one) => ({ ...one, message: "" })),
          [{ path: "until", code, message: "" }],
        );
        return true;
      });
    await refused("2026-07-01", "snooze_past_due");
    await refused("2026-06-10", "too_early");
    assert.equal((await stage.lines(id, ["planned"]))[0], "-1d asha email planned 2026-06-29T03:30", "nothing stored");
  });
});

test("a rule that changes keeps what is overdue; a deleted obligation is silent and forgets its people", async () => {
  await using stage = await openStage("2026-05-01T00:00:00Z");
  const { id } = await stage.create({
    due: { rrule: "FREQ=MONTHLY;BYMONTHDAY=20" },
    offsets: [{ days: 0 }],
    manager: { ...chief, timeZone: "America/New_York" },
  });
  stage.at("2026-05-25T00:00:00Z");
  await change(stage, id, { due: { rrule: "FREQ=MONTHLY;BYMONTHDAY=22", from: "2026-05-01" } });
  const { occurrences, obligations } = stage.rig.runtime.reminders;
  const open = await occurrences.open((await obligations.find(tenant, id))!, { limit: 3 });
  assert.deepEqual(
    open.map((one) => `${one.dueOn} ${one.standing}`),
    ["2026-05-20 overdue", "2026-06-22 pending", "2026-07-22 pending"],
  );
  await obligations.remove(tenant, id);
  assert.deepEqual(await stage.lines(id, ["planned"]), []);
  await assert.rejects(obligations.remove(tenant, id), { code: "obligation_not_found" });
  const { rows } = await stage.rig.runtime.database.executeSql(
    `select body::text from ${stage.rig.schema}.obligations`,
  );
  assert.doesNotMatch(rows[0]!.body, /@example|Asha|Chitra/);
  assert.match(rows[0]!.body, /"id": "asha".*"id": "chief"|"id": "chief".*"id": "asha"/);
});

test("a plan is made longer before it ends, and planning again changes nothing else", async () => {
  await using stage = await openStage("2026-01-01T00:00:00Z");
  const { id } = await stage.create({ due: { rrule: "FREQ=MONTHLY;BYMONTHDAY=20" }, offsets: [{ days: 0 }] });
  const before = await stage.lines(id);
  const job = stage.rig.runtime.catalog.get("reminders.deliver");
  const { outbox, occurrences } = stage.rig.runtime.reminders;
  for (const day of ["2026-01-20", "2026-02-20"])
    await occurrences.complete(tenant, id, { occurrence: day, evidence: "done", by: "key" });
  stage.at("2026-03-10T00:00:00Z");
  assert.deepEqual(await outbox.sweep(job, { signal: signal(), repeatable: [] }), { due: 0, lost: 0, replanned: 1 });
  const after = await stage.lines(id);
  assert.ok(after.length > before.length);
  assert.deepEqual(after.slice(4, before.length), before.slice(4));
});
