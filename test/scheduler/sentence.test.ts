import assert from "node:assert/strict";
import { describe, test } from "vitest";
import { type ScheduleRule, scheduleRule } from "../../src/core/schedule.ts";
import { presetRule, presets } from "../../src/scheduler/presets.ts";
import { ruleProblems } from "../../src/scheduler/rule-problems.ts";
import { sentenceOf } from "../../src/scheduler/sentence.ts";

const sentence = (rule: Partial<ScheduleRule>) => sentenceOf(scheduleRule.parse(rule));
const berlin = { timeZone: "Europe/Berlin" };

describe("cron", () => {
  const rows: ReadonlyArray<[cron: string, sentence: string]> = [
    ["0 9 * * MON-FRI", "every weekday at 09:00"],
    ["0 9 * * 1-5", "every weekday at 09:00"],
    ["0 9,17 * * *", "every day at 09:00 and 17:00"],
    ["@daily", "every day at 00:00"],
    ["@hourly", "every hour"],
    ["@weekly", "every Sunday at 00:00"],
    ["@yearly", "on 1 January of every year at 00:00"],
    ["* * * * *", "every minute"],
    ["*/15 * * * *", "every 15 minutes"],
    ["*/15 9-17 * * 1-5", "every weekday, every 15 minutes from 09:00 to 17:45"],
    ["*/15 9 * * *", "every 15 minutes from 09:00 to 09:45"],
    ["0 8-20 * * *", "every hour from 08:00 to 20:00"],
    ["5 * * * *", "every hour at minute 5"],
    ["5,35 * * * *", "every hour at minutes 5 and 35"],
    ["0 */6 * * *", "every 6 hours"],
    ["0 */5 * * *", "every day at 00:00, 05:00, 10:00, 15:00 and 20:00"],
    ["30 */6 * * *", "every 6 hours at minute 30"],
    ["*/30 * * * * *", "every 30 seconds"],
    ["0 18 L * *", "on the last day of every month at 18:00"],
    ["0 10 * * TUE#2", "on the second Tuesday of every month at 10:00"],
    ["0 10 * * 2#2", "on the second Tuesday of every month at 10:00"],
    ["0 10 * * FRI#L", "on the last Friday of every month at 10:00"],
    ["0 10 * * 5L", "on the last Friday of every month at 10:00"],
    ["0 10 * * 7#1", "on the first Sunday of every month at 10:00"],
    ["0 9 1,15 * *", "on the 1st and 15th of every month at 09:00"],
    ["0 9 31 * *", "on the 31st of every month that has one at 09:00"],
    ["0 9 29 2 *", "on 29 February of every leap year at 09:00"],
    ["0 9 1 JAN,JUL *", "on the 1st of January and July at 09:00"],
    ["0 9 1 */3 *", "on the 1st of January, April, July and October at 09:00"],
    ["0 9 * 12 SAT,SUN", "every Saturday and Sunday in December at 09:00"],
  ];
  for (const [cron, expected] of rows)
    test(cron, () => assert.equal(sentence({ cron, ...berlin }), `${expected}, Europe/Berlin`));

  for (const cron of [
    "0 9 1 * MON", // either matches: no plain words for it
    "*/7 * * * *", // steps that begin anew each hour
    "*/15 9,17 * * *",
    "0 9 30 4,2 *", // February has no 30th
    "0 9 15,L * *",
    "0 9 * * MON#1,FRI#L",
    "0 9 * * 1-5#L",
    "15 30 9 * * *",
    "1-20 1-20 * * *",
    "0-59/15 * * * * *",
  ])
    test(`${cron} is named, not described`, () =>
      assert.equal(sentence({ cron, ...berlin }), `by the cron expression "${cron}", Europe/Berlin`));
});

describe("rrule, from 9:00 in Kolkata on Thursday, 1 January 2026", () => {
  const frame = { timeZone: "Asia/Kolkata", startsAt: "2026-01-01T03:30:00Z" };
  const rows: ReadonlyArray<[rrule: string, sentence: string]> = [
    ["FREQ=DAILY", "every day at 09:00"],
    ["FREQ=DAILY;INTERVAL=3", "every 3 days at 09:00"],
    ["FREQ=DAILY;BYDAY=MO,TU,WE,TH,FR", "every weekday at 09:00"],
    ["FREQ=DAILY;BYHOUR=8,20;BYMINUTE=30", "every day at 08:30 and 20:30"],
    ["FREQ=WEEKLY", "every Thursday at 09:00"],
    ["FREQ=WEEKLY;BYDAY=FR,MO,WE", "every Monday, Wednesday and Friday at 09:00"],
    ["FREQ=WEEKLY;INTERVAL=2;BYDAY=FR,MO", "every 2 weeks on Monday and Friday at 09:00"],
    ["FREQ=MONTHLY", "on the 1st of every month at 09:00"],
    ["FREQ=MONTHLY;BYMONTHDAY=-1;BYHOUR=18", "on the last day of every month at 18:00"],
    ["FREQ=MONTHLY;BYDAY=2TU;BYHOUR=10", "on the second Tuesday of every month at 10:00"],
    ["FREQ=MONTHLY;BYDAY=-1FR", "on the last Friday of every month at 09:00"],
    ["FREQ=YEARLY", "on 1 January of every year at 09:00"],
    ["FREQ=YEARLY;BYMONTH=4;BYMONTHDAY=15", "on 15 April of every year at 09:00"],
    ["FREQ=HOURLY;INTERVAL=5", "every 5 hours"],
    ["FREQ=MINUTELY;INTERVAL=20", "every 20 minutes"],
    [
      "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1",
      'by the recurrence rule "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1"',
    ],
    ["FREQ=MONTHLY;INTERVAL=3", 'by the recurrence rule "FREQ=MONTHLY;INTERVAL=3"'],
    ["FREQ=YEARLY;BYDAY=20MO", 'by the recurrence rule "FREQ=YEARLY;BYDAY=20MO"'],
    ["FREQ=MONTHLY;BYMONTHDAY=13;BYDAY=FR", 'by the recurrence rule "FREQ=MONTHLY;BYMONTHDAY=13;BYDAY=FR"'],
  ];
  for (const [rrule, expected] of rows)
    test(rrule, () => assert.equal(sentence({ rrule, ...frame }), `${expected}, Asia/Kolkata, from 2026-01-01 09:00`));

  test("its end and its count are told, in the zone's time", () => {
    assert.equal(
      sentence({ rrule: "FREQ=DAILY;UNTIL=20260131T183000Z", ...frame }),
      "every day at 09:00, Asia/Kolkata, from 2026-01-01 09:00, until 2026-02-01 00:00",
    );
    assert.equal(
      sentence({ rrule: "FREQ=DAILY;COUNT=5", ...frame }),
      "every day at 09:00, Asia/Kolkata, from 2026-01-01 09:00, 5 times",
    );
  });
});

test("elapsed time is told in its largest unit, and in no zone", () => {
  assert.equal(sentence({ everyMs: 900_000, ...berlin }), "every 15 minutes");
  assert.equal(sentence({ everyMs: 3_600_000 }), "every hour");
  assert.equal(sentence({ everyMs: 86_400_000 }), "every 24 hours");
  assert.equal(sentence({ everyMs: 90_000 }), "every 90 seconds");
  assert.equal(sentence({ everyMs: 1_500 }), "every 1500 milliseconds");
  assert.equal(
    sentence({ everyMs: 900_000, startsAt: "2026-01-01T00:07:30+01:00", endsAt: "2027-01-01T00:00:00Z", limit: 3 }),
    "every 15 minutes, from 2025-12-31 23:07:30 UTC, until 2027-01-01 00:00 UTC, at most 3 times",
  );
});

test("each preset can be kept, and says what its title says", () => {
  const told = Object.keys(presets).map((name) => {
    const rule = presetRule(name, "Asia/Kathmandu")!;
    assert.match(name, /^[a-z0-9]+(-[a-z0-9]+)*$/);
    assert.deepEqual(ruleProblems(rule, Date.UTC(2026, 0, 1)), []);
    assert.deepEqual(scheduleRule.parse(rule), rule);
    return `${presets[name]!.title}: ${sentenceOf(rule)}`;
  });
  assert.deepEqual(told, [
    "Health check: every day at 09:00, Asia/Kathmandu",
    "Daily report: every day at 17:00, Asia/Kathmandu",
    "Weekly report: every Monday at 08:00, Asia/Kathmandu",
    "Performance review: every day at 20:00, Asia/Kathmandu",
    "Meetings on Monday, Wednesday and Friday: every Monday, Wednesday and Friday at 09:00, Asia/Kathmandu",
    "First week of the month: audit: on the first Monday of every month at 09:00, Asia/Kathmandu",
    "Second week of the month: capacity: on the second Monday of every month at 09:00, Asia/Kathmandu",
    "Third week of the month: performance: on the third Monday of every month at 09:00, Asia/Kathmandu",
    "Fourth week of the month: planning: on the fourth Monday of every month at 09:00, Asia/Kathmandu",
  ]);
  assert.equal(presetRule("toString", "UTC"), null);
});
