import assert from "node:assert/strict";
import { describe, test } from "vitest";
import type { ScheduleRule } from "../../src/core/schedule.ts";
import { ruleProblems } from "../../src/scheduler/rule-problems.ts";

const now = Date.parse("2026-11-20T12:00:00Z");
const problems = (rule: Partial<ScheduleRule>) =>
  ruleProblems({ timeZone: "Europe/Berlin", gap: "later", ...rule }, now);
const startsAt = "2026-01-01T00:00:00Z";

test("a rule that can be kept has no problem", () => {
  assert.deepEqual(problems({ cron: "30 2 * * *" }), []);
  assert.deepEqual(problems({ cron: " 0  9 * * WED,thu " }), []);
  assert.deepEqual(problems({ rrule: "RRULE:FREQ=DAILY", startsAt }), []);
  assert.deepEqual(problems({ everyMs: 1_000, startsAt, endsAt: "2027-01-01T00:00:00Z" }), []);
  for (const timeZone of ["Asia/Calcutta", "Asia/Kolkata", "Europe/Kyiv", "US/Eastern", "UTC", "europe/berlin"])
    assert.deepEqual(problems({ cron: "@daily", timeZone }), []);
});

describe("each problem is told with path, code and what was expected", () => {
  const rows: ReadonlyArray<[rule: Partial<ScheduleRule>, path: string, code: string, message: RegExp]> = [
    [{}, "", "rule_missing", /one of cron, rrule and everyMs, found none/],
    [{ cron: "@daily", everyMs: 60_000 }, "", "rule_ambiguous", /found cron and everyMs/],
    [{ cron: "0 9 * *" }, "cron", "cron_invalid", /five fields, or six beginning with seconds, found 4/],
    [{ cron: "0 0 9 * * MON 2027" }, "cron", "cron_invalid", /found 7/],
    [{ cron: "61 * * * *" }, "cron", "cron_invalid", /minute \(field 1\) of 0-59.*"61"/],
    [{ cron: "0 61 * * * *" }, "cron", "cron_invalid", /minute \(field 2\) of 0-59.*"61"/],
    [{ cron: "0 24 * * *" }, "cron", "cron_invalid", /hour \(field 2\) of 0-23/],
    [{ cron: "0 9 32 * *" }, "cron", "cron_invalid", /day of month \(field 3\) of 1-31/],
    [{ cron: "0 9 15W * *" }, "cron", "cron_invalid", /day of month \(field 3\)/],
    [{ cron: "0 9 * 13 *" }, "cron", "cron_invalid", /month \(field 4\) of 1-12 or JAN-DEC.*"13"/],
    [{ cron: "0 9 * * MON#6" }, "cron", "cron_invalid", /day of week \(field 5\).*"MON#6"/],
    [{ cron: "0 9 1 * +MON" }, "cron", "cron_invalid", /day of week \(field 5\)/],
    [{ cron: "0 9 ? * MON" }, "cron", "cron_invalid", /day of month \(field 3\)/],
    [{ cron: "0 9 5-1 * *" }, "cron", "cron_invalid", /day of month \(field 3\)/],
    [{ cron: "5/10 * * * *" }, "cron", "cron_invalid", /minute \(field 1\)/],
    [{ cron: "@reboot" }, "cron", "cron_invalid", /@hourly, @daily/],
    [{ cron: "2027-01-01T00:00:00" }, "cron", "cron_invalid", /five fields/],
    [{ rrule: "FREQ=DAILY;BYFOO=1", startsAt }, "rrule", "rrule_invalid", /BYFOO/],
    [{ rrule: "DTSTART:20260101T000000Z\nRRULE:FREQ=DAILY", startsAt }, "rrule", "rrule_invalid", /no DTSTART/],
    [{ rrule: "FREQ=DAILY" }, "startsAt", "starts_at_missing", /counted from/],
    [{ everyMs: 999 }, "everyMs", "every_ms_too_small", /1000 or more.*999/],
    [
      { cron: "@daily", startsAt, endsAt: "2025-12-31T23:59:59Z" },
      "endsAt",
      "ends_before_start",
      /not before startsAt/,
    ],
    [{ cron: "@daily", timeZone: "Europe/Berln" }, "timeZone", "time_zone_unknown", /did you mean Europe\/Berlin\?$/],
    [{ cron: "@daily", timeZone: "Asia/Kolkatta" }, "timeZone", "time_zone_unknown", /did you mean Asia\/Kolkata\?$/],
    [{ cron: "@daily", timeZone: "Kathmandu" }, "timeZone", "time_zone_unknown", /did you mean Asia\/Kathmandu\?$/],
    [
      { cron: "@daily", timeZone: "America/New York" },
      "timeZone",
      "time_zone_unknown",
      /did you mean America\/New_York\?$/,
    ],
    [{ cron: "@daily", timeZone: "Mars/Olympus_Mons" }, "timeZone", "time_zone_unknown", /found "Mars\/Olympus_Mons"$/],
    [{ cron: "@daily", timeZone: "+05:30" }, "timeZone", "time_zone_unknown", /IANA/],
    [{ cron: "0 0 30 2 *" }, "cron", "never_fires", /without any tick/],
    [{ cron: "30 2 * 3 SUN#L", gap: "skip" }, "cron", "never_fires", /will fire/],
    [{ rrule: "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", startsAt }, "rrule", "never_fires", /without any tick/],
    [{ rrule: "FREQ=DAILY;COUNT=3", startsAt }, "rrule", "never_fires", /last tick has passed/],
    [{ rrule: "FREQ=DAILY;UNTIL=20260201T000000Z", startsAt }, "rrule", "never_fires", /last tick has passed/],
    [{ cron: "@daily", endsAt: "2026-11-20T00:00:00Z" }, "endsAt", "never_fires", /last tick has passed/],
    [
      { everyMs: 86_400_000, startsAt: "2026-11-20T13:00:00Z", endsAt: "2026-11-20T12:00:00Z" },
      "endsAt",
      "ends_before_start",
      /startsAt/,
    ],
  ];
  for (const [rule, path, code, message] of rows)
    test(JSON.stringify(rule), () => {
      const [problem, ...others] = problems(rule);
      assert.deepEqual([problem?.path, problem?.code, others], [path, code, []]);
      assert.match(problem!.message, message);
    });
});

test("several problems are told at once", () => {
  const found = problems({ cron: "x", rrule: "FREQ=X", everyMs: 1, timeZone: "Nowhere" });
  assert.deepEqual(
    found.map(({ code }) => code),
    ["rule_ambiguous", "cron_invalid", "rrule_invalid", "starts_at_missing", "every_ms_too_small", "time_zone_unknown"],
  );
});
