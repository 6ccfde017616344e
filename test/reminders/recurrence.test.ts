import assert from "node:assert/strict";
import { describe, test } from "vitest";
import { datesOf, nextDate, problemsOfRule } from "../../src/reminders/recurrence.ts";

const rule = (rrule: string, from: string, except: string[] = []) => ({ rrule, from, except });
const days = (rrule: string, from: string, first: string, last: string) => {
  assert.deepEqual(problemsOfRule(rrule, "due.rrule"), []);
  return datesOf(rule(rrule, from), first, last);
};
const year = ["2026-01-01", "2026-12-31"] as const;
const monthEnds = "01-31 02-28 03-31 04-30 05-31 06-30 07-31 08-31 09-30 10-31 11-30 12-31"
  .split(" ")
  .map((day) => `2026-${day}`);
const long = monthEnds.filter((day) => day.endsWith("31"));

describe("the 31st of each month", () => {
  test("is left out of short months, as RFC 5545 says", () =>
    assert.deepEqual(days("FREQ=MONTHLY;BYMONTHDAY=31", "2026-01-01", ...year), long));
  test("is the last day of short months with SKIP=BACKWARD, inherited or said", () => {
    assert.deepEqual(days("RSCALE=GREGORIAN;FREQ=MONTHLY;SKIP=BACKWARD", "2026-01-31", ...year), monthEnds);
    assert.deepEqual(
      days("RSCALE=GREGORIAN;FREQ=MONTHLY;BYMONTHDAY=31;SKIP=BACKWARD", "2026-01-01", ...year),
      monthEnds,
    );
  });
  test("is said just as well by the last day", () =>
    assert.deepEqual(days("FREQ=MONTHLY;BYMONTHDAY=-1", "2026-01-01", ...year), monthEnds));
  test("is the first day of the next month after a short one with SKIP=FORWARD, once where that day is named as well", () => {
    const first = ["2026-01-31", "2026-03-01", "2026-03-31", "2026-05-01"];
    const until = ["2026-01-01", "2026-05-02"] as const;
    for (const text of ["FREQ=MONTHLY;BYMONTHDAY=31", "FREQ=YEARLY;BYMONTHDAY=31"])
      assert.deepEqual(days(`RSCALE=GREGORIAN;${text};SKIP=FORWARD`, "2026-01-01", ...until), first);
    assert.deepEqual(
      days("RSCALE=GREGORIAN;FREQ=MONTHLY;BYMONTHDAY=1,31;SKIP=FORWARD;BYMONTH=2,3", "2026-01-01", ...until),
      ["2026-02-01", "2026-03-01", "2026-03-31"],
    );
  });
  test("the 30th and the 31st are one day in short months", () =>
    assert.deepEqual(
      days("RSCALE=GREGORIAN;FREQ=MONTHLY;BYMONTHDAY=30,31;SKIP=BACKWARD", "2026-01-01", "2026-02-01", "2026-04-30"),
      ["2026-02-28", "2026-03-30", "2026-03-31", "2026-04-30"],
    ));
  test("the 30th moves in February alone", () =>
    assert.deepEqual(
      days("RSCALE=GREGORIAN;FREQ=MONTHLY;BYMONTHDAY=30;SKIP=BACKWARD", "2026-01-01", "2026-01-01", "2026-03-31"),
      ["2026-01-30", "2026-02-28", "2026-03-30"],
    ));
});

describe("29 February each year", () => {
  test("comes every fourth year", () =>
    assert.deepEqual(days("FREQ=YEARLY", "2024-02-29", "2024-01-01", "2032-12-31"), [
      "2024-02-29",
      "2028-02-29",
      "2032-02-29",
    ]));
  test("or on the day before with SKIP=BACKWARD, inherited or said", () => {
    const expected = ["2024-02-29", "2025-02-28", "2026-02-28", "2027-02-28", "2028-02-29"];
    for (const text of ["SKIP=BACKWARD", "BYMONTH=2;BYMONTHDAY=29;SKIP=BACKWARD"])
      assert.deepEqual(
        days(`RSCALE=GREGORIAN;FREQ=YEARLY;${text}`, "2024-02-29", "2024-01-01", "2028-12-31"),
        expected,
      );
  });
  test("or on the day after with SKIP=FORWARD", () =>
    assert.deepEqual(days("RSCALE=GREGORIAN;FREQ=YEARLY;SKIP=FORWARD", "2024-02-29", "2025-01-01", "2026-12-31"), [
      "2025-03-01",
      "2026-03-01",
    ]));
});

test("a financial year from April to March: quarters end, and returns fall due, across its boundary", () => {
  const statements = "FREQ=YEARLY;BYMONTH=1,5,7,10;BYMONTHDAY=31"; // TDS statements of an Indian year
  assert.deepEqual(days(statements, "2025-04-01", "2025-04-01", "2026-06-30"), [
    "2025-05-31",
    "2025-07-31",
    "2025-10-31",
    "2026-01-31",
    "2026-05-31",
  ]);
  const deposits = "FREQ=MONTHLY;BYMONTH=1,2,3,5,6,7,8,9,10,11,12;BYMONTHDAY=7"; // April's is the 30th: a rule of its own
  assert.deepEqual(days(deposits, "2025-04-01", "2026-02-01", "2026-06-30"), [
    "2026-02-07",
    "2026-03-07",
    "2026-05-07",
    "2026-06-07",
  ]);
});

test("the nth weekday of a month, and weekdays of a week", () => {
  assert.deepEqual(days("FREQ=MONTHLY;BYDAY=2TU", "2026-01-01", "2026-11-01", "2026-12-31"), [
    "2026-11-10",
    "2026-12-08",
  ]);
  assert.deepEqual(days("FREQ=WEEKLY;BYDAY=MO,WE,FR", "2026-01-01", "2026-11-16", "2026-11-22"), [
    "2026-11-16",
    "2026-11-18",
    "2026-11-20",
  ]);
});

test("COUNT counts from the first day, and days that are excepted are not occurrences", () => {
  assert.deepEqual(days("FREQ=DAILY;COUNT=3", "2026-01-01", "2026-01-03", "2026-02-01"), ["2026-01-03"]);
  assert.deepEqual(datesOf(rule("FREQ=DAILY", "2026-01-01", ["2026-01-02"]), "2026-01-01", "2026-01-03"), [
    "2026-01-01",
    "2026-01-03",
  ]);
});

describe("a rule that never fires again", () => {
  const first = "2026-11-20";
  const never = [
    ["a day that no year has", rule("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", first)],
    ["the same, asked day by day", rule("FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30", first)],
    ["an end before the beginning", rule("FREQ=DAILY;UNTIL=20200101", first)],
    ["a count that is used up", rule("FREQ=DAILY;COUNT=3", "2026-01-01")],
    ["a day that comes after 2200 alone", rule("FREQ=YEARLY;INTERVAL=200", "2025-01-01")],
    ["all its days excepted", rule("FREQ=DAILY;COUNT=2", first, [first, "2026-11-21"])],
  ] as const;
  for (const [name, one] of never) test(name, () => assert.equal(nextDate(one, first), null));
  test("a rare one does", () =>
    assert.equal(nextDate(rule("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29;BYDAY=SU", first), first), "2032-02-29"));
  test("one of each century does", () =>
    assert.equal(nextDate(rule("FREQ=YEARLY;INTERVAL=100", "2025-01-01"), first), "2125-01-01"));
});

describe("a rule that cannot be read is refused, never guessed at", () => {
  const refused: Record<string, string[]> = {
    rule_unreadable: [
      "",
      "FREQ=FOO",
      "monthly",
      "FREQ=MONTHLY;FOO=1",
      "FREQ=MONTHLY;BYMONTHDAY=99",
      "FREQ=YEARLY;BYMONTH=13",
      "BYMONTHDAY=1",
      "FREQ=DAILY;COUNT=1;UNTIL=20270101",
      "FREQ=DAILY;UNTIL=20260230",
      "FREQ=MONTHLY;SKIP=BACKWARD",
      "FREQ=DAILY;INTERVAL=0",
      "FREQ=DAILY;FREQ=DAILY",
      "RRULE:FREQ=DAILY",
      "FREQ=MONTHLY;BYSETPOS=1",
      "FREQ=DAILY;constructor=1",
      "freq=daily",
      "FREQ=DAILY;UNTIL=20261231T000000Z",
      "FREQ=WEEKLY;BYMONTHDAY=1",
      "FREQ=WEEKLY;BYDAY=1MO",
      "FREQ=MONTHLY;BYWEEKNO=1",
      "FREQ=MONTHLY;BYYEARDAY=1",
    ],
    rule_not_on_dates: ["FREQ=HOURLY", "FREQ=DAILY;BYHOUR=9", "BYSECOND=0;FREQ=DAILY"],
    rule_unsupported: [
      "RSCALE=GREGORIAN;FREQ=MONTHLY;BYMONTHDAY=-31;SKIP=FORWARD",
      "RSCALE=GREGORIAN;FREQ=YEARLY;BYYEARDAY=366;SKIP=BACKWARD",
      "RSCALE=GREGORIAN;FREQ=YEARLY;BYWEEKNO=53;SKIP=BACKWARD",
      "RSCALE=GREGORIAN;FREQ=DAILY;BYMONTHDAY=31;SKIP=BACKWARD",
    ],
  };
  for (const [code, rules] of Object.entries(refused))
    for (const text of rules)
      test(`${code}: "${text}"`, () =>
        assert.deepEqual(
          problemsOfRule(text, "due.rrule").map((one) => [one.path, one.code]),
          [["due.rrule", code]],
        ));
});
