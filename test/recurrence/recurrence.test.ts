import assert from "node:assert/strict";
import fc from "fast-check";
import { RRuleTemporal } from "rrule-temporal";
import { Temporal } from "temporal-polyfill";
import { describe, test } from "vitest";
import { parseParts, RuleRefused } from "../../src/recurrence/parts.ts";
import { Recurrence } from "../../src/recurrence/recurrence.ts";

const at = (local: string) => Date.parse(`${local}Z`);
const written = (local: number) => new Date(local).toISOString().slice(0, 19).replace(/:00$/, "");

/** The first occurrences, as local times. */
function first(rule: string, start: string, count: number): string[] {
  const recurrence = new Recurrence(parseParts(rule), at(start));
  const found: string[] = [];
  for (let last = recurrence.next(at(start) - 1); last !== null && found.length < count; last = recurrence.next(last))
    found.push(written(last));
  return found;
}

describe("occurrences", () => {
  const rows: ReadonlyArray<[rule: string, start: string, occurrences: string[]]> = [
    ["FREQ=MONTHLY", "2026-01-31T09:00", ["2026-01-31T09:00", "2026-03-31T09:00", "2026-05-31T09:00"]],
    [
      "RSCALE=GREGORIAN;FREQ=MONTHLY;SKIP=BACKWARD",
      "2026-01-31T09:00",
      ["2026-01-31T09:00", "2026-02-28T09:00", "2026-03-31T09:00", "2026-04-30T09:00"],
    ],
    [
      "RSCALE=GREGORIAN;FREQ=MONTHLY;BYMONTHDAY=31;SKIP=BACKWARD", // rrule-temporal 2.2.7 leaves February out here
      "2026-01-01T09:00",
      ["2026-01-31T09:00", "2026-02-28T09:00", "2026-03-31T09:00"],
    ],
    [
      "RSCALE=GREGORIAN;FREQ=MONTHLY;SKIP=FORWARD", // the example of RFC 7529 §4.1
      "2014-01-31T09:00",
      ["2014-01-31T09:00", "2014-03-01T09:00", "2014-03-31T09:00", "2014-05-01T09:00"],
    ],
    [
      "RSCALE=GREGORIAN;FREQ=MONTHLY;BYMONTHDAY=1,31;SKIP=FORWARD;BYMONTH=2,3",
      "2026-01-01T09:00",
      ["2026-02-01T09:00", "2026-03-01T09:00", "2026-03-31T09:00", "2027-02-01T09:00"],
    ],
    ["FREQ=YEARLY", "2024-02-29T09:00", ["2024-02-29T09:00", "2028-02-29T09:00", "2032-02-29T09:00"]],
    [
      "RSCALE=GREGORIAN;FREQ=YEARLY;SKIP=BACKWARD",
      "2024-02-29T09:00",
      ["2024-02-29T09:00", "2025-02-28T09:00", "2026-02-28T09:00"],
    ],
    ["FREQ=YEARLY;INTERVAL=100;BYMONTH=2;BYMONTHDAY=29", "2000-01-01T09:00", ["2000-02-29T09:00", "2400-02-29T09:00"]],
    ["FREQ=MONTHLY;BYDAY=2TU", "2026-01-01T10:00", ["2026-01-13T10:00", "2026-02-10T10:00"]],
    ["FREQ=MONTHLY;BYDAY=-1FR", "2026-01-01T10:00", ["2026-01-30T10:00", "2026-02-27T10:00"]],
    ["FREQ=MONTHLY;BYDAY=5MO", "2026-01-01T10:00", ["2026-03-30T10:00", "2026-06-29T10:00"]],
    ["FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1", "2026-01-01T10:00", ["2026-01-30T10:00", "2026-02-27T10:00"]],
    ["FREQ=YEARLY;BYDAY=20MO", "1997-05-19T09:00", ["1997-05-19T09:00", "1998-05-18T09:00", "1999-05-17T09:00"]],
    [
      "FREQ=YEARLY;BYWEEKNO=20;BYDAY=MO",
      "1997-05-12T09:00",
      ["1997-05-12T09:00", "1998-05-11T09:00", "1999-05-17T09:00"],
    ],
    // Week 1 of 2025 begins in 2024: it is 2025's, also where one of each year, or every other year, is asked for.
    [
      "FREQ=YEARLY;BYWEEKNO=1;BYDAY=MO,TU;BYSETPOS=1",
      "2024-01-01T09:00",
      ["2024-01-01T09:00", "2024-12-30T09:00", "2025-12-29T09:00", "2027-01-04T09:00"],
    ],
    ["FREQ=YEARLY;INTERVAL=2;BYWEEKNO=1;BYDAY=MO", "2024-01-02T09:00", ["2025-12-29T09:00", "2028-01-03T09:00"]],
    ["FREQ=YEARLY;BYWEEKNO=53;BYDAY=FR", "2027-01-01T09:00", ["2027-01-01T09:00", "2032-12-31T09:00"]],
    ["FREQ=YEARLY;BYYEARDAY=-1", "2026-01-01T23:59:59", ["2026-12-31T23:59:59", "2027-12-31T23:59:59"]],
    [
      "FREQ=WEEKLY;INTERVAL=2;WKST=MO;BYDAY=TU,SU;COUNT=4",
      "1997-08-05T09:00",
      ["1997-08-05T09:00", "1997-08-10T09:00", "1997-08-19T09:00", "1997-08-24T09:00"],
    ],
    [
      "FREQ=WEEKLY;INTERVAL=2;WKST=SU;BYDAY=TU,SU;COUNT=4",
      "1997-08-05T09:00",
      ["1997-08-05T09:00", "1997-08-17T09:00", "1997-08-19T09:00", "1997-08-31T09:00"],
    ],
    ["FREQ=DAILY;INTERVAL=3;COUNT=2", "2026-12-31T09:00", ["2026-12-31T09:00", "2027-01-03T09:00"]],
    [
      "FREQ=DAILY;BYHOUR=9,17;BYMINUTE=0,30",
      "2026-01-01T12:00",
      ["2026-01-01T17:00", "2026-01-01T17:30", "2026-01-02T09:00", "2026-01-02T09:30"],
    ],
    ["FREQ=HOURLY;INTERVAL=5;BYDAY=MO", "2026-01-02T01:30", ["2026-01-05T04:30", "2026-01-05T09:30"]],
    ["FREQ=HOURLY;BYMINUTE=0,30", "2026-01-02T01:30", ["2026-01-02T01:30", "2026-01-02T02:00", "2026-01-02T02:30"]],
    ["FREQ=MINUTELY;INTERVAL=7;BYHOUR=9", "2026-01-02T08:58", ["2026-01-02T09:05", "2026-01-02T09:12"]],
    ["FREQ=SECONDLY;INTERVAL=45", "2026-01-02T23:59:30", ["2026-01-02T23:59:30", "2026-01-03T00:00:15"]],
    [
      "FREQ=MONTHLY;BYMONTHDAY=13;BYDAY=FR",
      "1997-09-02T09:00",
      ["1998-02-13T09:00", "1998-03-13T09:00", "1998-11-13T09:00", "1999-08-13T09:00"],
    ],
  ];
  for (const [rule, start, occurrences] of rows)
    test(`${rule} from ${start}`, () => {
      const ends = rule.includes("COUNT");
      assert.deepEqual(first(rule, start, occurrences.length + (ends ? 1 : 0)), occurrences);
    });
});

describe("a rule that never occurs is found out in bounded time", () => {
  for (const rule of [
    "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
    "FREQ=MONTHLY;BYMONTH=2;BYMONTHDAY=30",
    "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30",
    "FREQ=WEEKLY;BYMONTH=2;BYDAY=MO;BYSETPOS=9",
    "FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=30",
    "FREQ=MINUTELY;INTERVAL=2;BYMINUTE=1",
    "FREQ=HOURLY;INTERVAL=24;BYHOUR=3",
    "FREQ=YEARLY;INTERVAL=4;BYYEARDAY=366",
  ])
    test(rule, () => {
      const began = performance.now();
      assert.equal(new Recurrence(parseParts(rule), at("2026-01-01T00:00")).next(at("2026-01-01T00:00")), null);
      assert.ok(performance.now() - began < 3_000); // some 100 ms alone on a machine; one that loops stays for ever
    });
});

describe("a rule that cannot be read is refused, and told why", () => {
  const rows: ReadonlyArray<[rule: string, message: RegExp]> = [
    ["", /parts such as FREQ=DAILY/],
    ["FREQ=FORTNIGHTLY", /FREQ to be YEARLY/],
    ["INTERVAL=2", /FREQ to be/],
    ["FREQ=DAILY;BYFOO=1", /found BYFOO/],
    ["FREQ=DAILY;BYHOUR=24", /BYHOUR of 0 to 23; found "24"/],
    ["FREQ=DAILY;BYHOUR=-1", /BYHOUR of 0 to 23/],
    ["FREQ=DAILY;INTERVAL=0", /INTERVAL to be a whole number/],
    ["FREQ=DAILY;INTERVAL=1.5", /INTERVAL to be a whole number/],
    ["FREQ=DAILY;FREQ=DAILY", /FREQ once/],
    ["FREQ=DAILY;COUNT=2;UNTIL=20300101T000000Z", /COUNT or UNTIL/],
    ["FREQ=DAILY;UNTIL=20300101", /instant in UTC such as/],
    ["FREQ=DAILY;UNTIL=20300231T000000Z", /instant in UTC such as/],
    ["FREQ=WEEKLY;BYDAY=2MO", /number in BYDAY/],
    ["FREQ=MONTHLY;BYDAY=XX", /BYDAY of MO to SU/],
    ["FREQ=WEEKLY;BYMONTHDAY=1", /BYMONTHDAY with WEEKLY/],
    ["FREQ=MONTHLY;BYWEEKNO=1", /BYWEEKNO with YEARLY/],
    ["FREQ=DAILY;BYSETPOS=1", /BYSETPOS beside another/],
    ["FREQ=MONTHLY;SKIP=BACKWARD", /together with RSCALE/],
    ["RSCALE=HEBREW;FREQ=MONTHLY", /RSCALE to be GREGORIAN/],
    ["DTSTART:20260101T000000Z\nRRULE:FREQ=DAILY", /no DTSTART/],
  ];
  for (const [rule, message] of rows)
    test(JSON.stringify(rule), () => {
      assert.throws(
        () => parseParts(rule),
        (error) => error instanceof RuleRefused && error.code === "rule_unreadable" && message.test(error.message),
      );
    });
});

/** Rules as people and machines write them; those that RFC 5545 forbids are left out. */
const rules = fc
  .record({
    freq: fc.constantFrom("YEARLY", "MONTHLY", "WEEKLY", "DAILY", "HOURLY", "MINUTELY", "SECONDLY"),
    interval: fc.constantFrom(1, 1, 1, 2, 3, 5, 12),
    months: fc.option(fc.uniqueArray(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 3 }), { freq: 2 }),
    monthDays: fc.option(
      fc.uniqueArray(fc.constantFrom(1, 2, 13, 15, 28, 29, 30, 31, -1, -2, -30), { minLength: 1, maxLength: 3 }),
    ),
    yearDays: fc.option(
      fc.uniqueArray(fc.constantFrom(1, 60, 100, 365, 366, -1, -366), { minLength: 1, maxLength: 3 }),
      { freq: 2 },
    ),
    days: fc.option(
      fc.uniqueArray(fc.constantFrom("MO", "TU", "WE", "TH", "FR", "SA", "SU"), { minLength: 1, maxLength: 3 }),
    ),
    nth: fc.constantFrom("", "", "1", "2", "-1", "5"),
    hours: fc.option(fc.uniqueArray(fc.integer({ min: 0, max: 23 }), { minLength: 1, maxLength: 3 })),
    minutes: fc.option(fc.uniqueArray(fc.integer({ min: 0, max: 59 }), { minLength: 1, maxLength: 3 })),
    position: fc.constantFrom(0, 0, 0, 1, 2, -1),
    weekStart: fc.constantFrom("", "", "MO", "SU", "WE"),
  })
  .map(({ freq, ...given }) => {
    const dated = freq === "YEARLY" || freq === "MONTHLY";
    // A numbered weekday beside days of the month or year: RFC 5545 does not say which is taken first, and the two differ.
    const numbered = dated && !given.monthDays;
    const parts = [`FREQ=${freq}`, `INTERVAL=${given.interval}`];
    const add = (name: string, list: readonly unknown[] | null) => list && parts.push(`${name}=${list.join(",")}`);
    add("BYMONTH", given.months);
    if (freq !== "WEEKLY") add("BYMONTHDAY", given.monthDays);
    // Beside BYYEARDAY rrule-temporal 2.2.7 leaves BYDAY and BYMONTHDAY out of account, where RFC 5545 limits to them.
    if (freq === "YEARLY" && !given.days && !given.monthDays) add("BYYEARDAY", given.yearDays);
    add("BYDAY", given.days?.map((day) => (numbered ? given.nth : "") + day) ?? null);
    add("BYHOUR", given.hours);
    add("BYMINUTE", given.minutes);
    if (given.position && parts.length > 2 && (dated || freq === "WEEKLY" || freq === "DAILY"))
      add("BYSETPOS", [given.position]);
    if (given.weekStart) add("WKST", [given.weekStart]);
    return parts.join(";");
  });

test("any rule occurs when rrule-temporal, in UTC, says it does", () => {
  const starts = fc.constantFrom("2026-01-01T09:30", "2024-02-29T00:00", "2025-12-31T23:59:58", "2026-08-31T12:00");
  let compared = 0;
  fc.assert(
    fc.property(rules, starts, (rule, start) => {
      const theirs: string[] = [];
      try {
        const dtstart = Temporal.PlainDateTime.from(start).toZonedDateTime("UTC");
        new RRuleTemporal({ rruleString: `RRULE:${rule}`, dtstart, strict: true, maxIterations: 2_000 }).all((date) => {
          theirs.push(written(date.epochMilliseconds));
          return theirs.length < 8;
        });
      } catch (error) {
        if (!/exceeded/.test((error as Error).message)) throw error; // it gives up after so many periods; we need not
      }
      const count = Math.min(theirs.length, 8);
      compared += count;
      assert.deepEqual(first(rule, start, count), theirs.slice(0, count));
    }),
    { numRuns: 1_500 },
  );
  assert.ok(compared > 3_000, `${compared} occurrences compared`);
});
