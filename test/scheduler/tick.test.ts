import assert from "node:assert/strict";
import fc from "fast-check";
import { describe, test } from "vitest";
import { InvalidInput } from "../../src/core/errors.ts";
import { type ScheduleRule, scheduleRule } from "../../src/core/schedule.ts";
import { nextTick, ticksFrom } from "../../src/scheduler/tick.ts";

const rule = (given: Partial<ScheduleRule>) => scheduleRule.parse(given);
const written = (at: number) => new Date(at).toISOString().replace(".000Z", "Z").replace(":00Z", "Z");
const ticks = (given: Partial<ScheduleRule>, after: string, count: number, fired = 0) =>
  ticksFrom(rule(given), Date.parse(after), count, fired).map(({ at, note }) => written(at) + (note ? ` ${note}` : ""));

describe("ticks strictly after an instant", () => {
  const rows: ReadonlyArray<[what: string, rule: Partial<ScheduleRule>, after: string, ticks: string[]]> = [
    ["31st monthly", { cron: "0 9 31 * *" }, "2026-01-31T09:00:00Z", ["2026-03-31T09:00Z", "2026-05-31T09:00Z"]],
    ["the last day monthly", { cron: "0 9 L * *" }, "2026-01-31T09:00:00Z", ["2026-02-28T09:00Z", "2026-03-31T09:00Z"]],
    ["29 February", { cron: "0 9 29 2 *" }, "2026-01-01T00:00:00Z", ["2028-02-29T09:00Z", "2032-02-29T09:00Z"]],
    ["29 February over 2100", { cron: "0 9 29 2 *" }, "2096-03-01T00:00:00Z", ["2104-02-29T09:00Z"]],
    ["30 February", { cron: "0 9 30 2 *" }, "2026-01-01T00:00:00Z", []],
    ["second Tuesday", { cron: "0 10 * * TUE#2" }, "2026-01-01T00:00:00Z", ["2026-01-13T10:00Z", "2026-02-10T10:00Z"]],
    ["fifth Monday", { cron: "0 10 * * 1#5" }, "2026-01-01T00:00:00Z", ["2026-03-30T10:00Z", "2026-06-29T10:00Z"]],
    ["last Friday", { cron: "0 10 * * FRI#L" }, "2026-01-01T00:00:00Z", ["2026-01-30T10:00Z", "2026-02-27T10:00Z"]],
    ["13th or Friday", { cron: "0 0 13 * FRI" }, "2026-01-10T00:00:00Z", ["2026-01-13T00:00Z", "2026-01-16T00:00Z"]],
    ["Sunday as 7", { cron: "0 0 * * 7" }, "2026-01-01T00:00:00Z", ["2026-01-04T00:00Z"]],
    [
      "with seconds",
      { cron: "50,10 59 23 31 12 *" },
      "2026-12-31T23:59:10Z",
      ["2026-12-31T23:59:50Z", "2027-12-31T23:59:10Z"],
    ],
    [
      "@daily in Kathmandu, +05:45",
      { cron: "@daily", timeZone: "Asia/Kathmandu" },
      "2026-01-01T00:00:00Z",
      ["2026-01-01T18:15Z", "2026-01-02T18:15Z"],
    ],
    [
      "year boundary in Kolkata",
      { cron: "30 0 1 1 *", timeZone: "Asia/Kolkata" },
      "2026-06-01T00:00:00Z",
      ["2026-12-31T19:00Z"],
    ],
    [
      "gap, later",
      { cron: "30 2 * * *", timeZone: "America/New_York" },
      "2026-03-07T12:00:00Z",
      ["2026-03-08T07:00Z gap", "2026-03-09T06:30Z"],
    ],
    [
      "gap, skip",
      { cron: "30 2 * * *", timeZone: "America/New_York", gap: "skip" },
      "2026-03-07T12:00:00Z",
      ["2026-03-09T06:30Z"],
    ],
    [
      "several in one gap",
      { cron: "*/15 2 29 3 *", timeZone: "Europe/Berlin" },
      "2026-01-01T00:00:00Z",
      ["2026-03-29T01:00Z gap", "2027-03-29T00:00Z"],
    ],
    [
      "gap and its end",
      { cron: "0 2,3 29 3 *", timeZone: "Europe/Berlin" },
      "2026-01-01T00:00:00Z",
      ["2026-03-29T01:00Z", "2027-03-29T00:00Z"],
    ],
    [
      "repeat",
      { cron: "30 2 * * *", timeZone: "Europe/Berlin" },
      "2026-10-24T12:00:00Z",
      ["2026-10-25T00:30Z repeat", "2026-10-26T01:30Z"],
    ],
    [
      "asked within the repeated hour",
      { cron: "30 2 * * *", timeZone: "Europe/Berlin" },
      "2026-10-25T01:10:00Z",
      ["2026-10-26T01:30Z"],
    ],
    [
      "hourly over a repeat rests",
      { cron: "@hourly", timeZone: "Europe/Berlin" },
      "2026-10-24T23:00:00Z",
      ["2026-10-25T00:00Z repeat", "2026-10-25T02:00Z"],
    ],
    [
      "Lord Howe's gap of 30 minutes",
      { cron: "15 2 * * *", timeZone: "Australia/Lord_Howe" },
      "2026-10-03T00:00:00Z",
      ["2026-10-03T15:30Z gap", "2026-10-04T15:15Z"],
    ],
    [
      "Lord Howe's repeat of 30 minutes",
      { cron: "45 1 * * *", timeZone: "Australia/Lord_Howe" },
      "2026-04-04T00:00:00Z",
      ["2026-04-04T14:45Z repeat", "2026-04-05T15:15Z"],
    ],
    [
      "Apia's missing day of 2011",
      { cron: "0 9 * * *", timeZone: "Pacific/Apia" },
      "2011-12-29T12:00:00Z",
      ["2011-12-29T19:00Z", "2011-12-30T10:00Z gap", "2011-12-30T19:00Z"],
    ],
    [
      "a clock set back by a whole day",
      { cron: "0 9 * * *", timeZone: "Pacific/Kwajalein" },
      "1969-09-29T12:00:00Z",
      ["1969-09-29T22:00Z repeat", "1969-10-01T21:00Z"],
    ],
    [
      "every 15 minutes elapsed",
      { everyMs: 900_000, timeZone: "Europe/Berlin" },
      "2026-10-25T00:45:00Z",
      ["2026-10-25T01:00Z", "2026-10-25T01:15Z"],
    ],
    [
      "elapsed since a start",
      { everyMs: 3_600_000, startsAt: "2026-01-01T00:10:00Z" },
      "2026-01-01T00:00:00Z",
      ["2026-01-01T00:10Z", "2026-01-01T01:10Z"],
    ],
    ["elapsed before 1970", { everyMs: 3_600_000 }, "1969-12-31T22:30:00Z", ["1969-12-31T23:00Z", "1970-01-01T00:00Z"]],
    [
      "from startsAt on, itself too",
      { cron: "@hourly", startsAt: "2026-01-01T05:00:00Z" },
      "2025-01-01T00:00:00Z",
      ["2026-01-01T05:00Z", "2026-01-01T06:00Z"],
    ],
    [
      "until endsAt, itself too",
      { cron: "@hourly", endsAt: "2026-01-01T05:00:00Z" },
      "2026-01-01T03:30:00Z",
      ["2026-01-01T04:00Z", "2026-01-01T05:00Z"],
    ],
    [
      "until UNTIL, itself too",
      { rrule: "FREQ=HOURLY;UNTIL=20260101T050000Z", startsAt: "2026-01-01T00:00:00+01:00", timeZone: "Europe/Berlin" },
      "2026-01-01T03:30:00Z",
      ["2026-01-01T04:00Z", "2026-01-01T05:00Z"],
    ],
    [
      "rrule in the gap",
      { rrule: "FREQ=DAILY", startsAt: "2026-03-07T02:30:00-05:00", timeZone: "America/New_York" },
      "2026-03-07T12:00:00Z",
      ["2026-03-08T07:00Z gap", "2026-03-09T06:30Z"],
    ],
    [
      "rrule with COUNT",
      { rrule: "FREQ=MONTHLY;COUNT=2", startsAt: "2026-01-31T08:00:00Z", timeZone: "Europe/Berlin" },
      "2026-01-01T00:00:00Z",
      ["2026-01-31T08:00Z", "2026-03-31T07:00Z"],
    ],
    [
      "rrule from within a second",
      { rrule: "FREQ=MINUTELY", startsAt: "2026-01-31T08:00:00.001Z" },
      "2026-01-01T00:00:00Z",
      ["2026-01-31T08:00:01Z", "2026-01-31T08:01:01Z"],
    ],
  ];
  for (const [what, given, after, expected] of rows)
    test(what, () => {
      const ends = given.endsAt ?? /COUNT|UNTIL/.test(given.rrule ?? "");
      assert.deepEqual(ticks(given, after, expected.length + (ends ? 1 : 0) || 1), expected);
    });
});

test("no more ticks than the limit, those that fired before counted in", () => {
  const hourly = { cron: "@hourly", limit: 3 };
  assert.deepEqual(ticks(hourly, "2026-01-01T00:00:00Z", 9, 1), ["2026-01-01T01:00Z", "2026-01-01T02:00Z"]);
  assert.equal(nextTick(rule(hourly), 0, 3), null);
});

test("a rule that nothing checked is refused, not guessed at", () => {
  for (const given of [
    {},
    { cron: "@daily", everyMs: 1_000 },
    { rrule: "FREQ=DAILY" },
    { cron: "x" },
    { cron: "@daily", timeZone: "X" },
  ])
    assert.throws(() => nextTick(rule(given), 0), InvalidInput);
  rule({ rrule: "FREQ=DAILY", startsAt: "2026-01-01T00:00:00Z" });
  assert.throws(() => nextTick(rule({ cron: "FREQ=DAILY" }), 0), InvalidInput);
});

const anyRule = fc
  .record({
    when: fc.constantFrom<Partial<ScheduleRule>>(
      { cron: "*/7 * * * *" },
      { cron: "30 1-3 * * *" },
      { cron: "0 0 L * SUN#L" },
      { cron: "15 30 */5 * 3,10 *" },
      { rrule: "FREQ=HOURLY;INTERVAL=7" },
      { rrule: "FREQ=MONTHLY;BYDAY=-1SU;BYHOUR=1,2,3" },
      { rrule: "RSCALE=GREGORIAN;FREQ=MONTHLY;BYMONTHDAY=29,31;SKIP=FORWARD" },
      { everyMs: 5_400_000 },
    ),
    timeZone: fc.constantFrom(
      "Europe/Berlin",
      "Australia/Lord_Howe",
      "Asia/Kathmandu",
      "Africa/Casablanca",
      "America/Havana",
    ),
    gap: fc.constantFrom("later" as const, "skip" as const),
    limit: fc.option(fc.integer({ min: 1, max: 12 }), { nil: undefined }),
  })
  .map(({ when, limit, ...rest }) =>
    rule({ ...when, ...rest, startsAt: "2025-12-07T01:30:00Z", ...(limit && { limit }) }),
  );
const anyInstant = fc.integer({ min: Date.UTC(2025, 10, 1), max: Date.UTC(2028, 11, 31) });

test("ticks increase strictly, and each lies after what was asked", () => {
  fc.assert(
    fc.property(anyRule, anyInstant, (given, after) => {
      const found = ticksFrom(given, after, 10).map(({ at }) => at);
      assert.ok([after, ...found].every((at, index, all) => index === 0 || at > all[index - 1]!));
    }),
  );
});

test("a preview is what firing one by one gives, whoever fires", () => {
  fc.assert(
    fc.property(anyRule, anyInstant, (given, after) => {
      const fired = [];
      for (
        let tick = nextTick(given, after);
        tick && fired.length < 10;
        tick = nextTick({ ...given }, tick.at, fired.length)
      )
        fired.push(tick);
      assert.deepEqual(ticksFrom(given, after, 10), fired);
      assert.deepEqual(ticksFrom(given, after, 1)[0] ?? null, nextTick(given, after));
    }),
  );
});

test("nothing lies between an instant and its next tick: every instant in between has the same", () => {
  fc.assert(
    fc.property(anyRule, anyInstant, fc.double({ min: 0, max: 1, noNaN: true }), (given, after, share) => {
      const tick = nextTick(given, after);
      if (!tick) return;
      const between = after + Math.floor((tick.at - 1 - after) * share);
      assert.deepEqual(nextTick(given, between), tick);
    }),
  );
});
