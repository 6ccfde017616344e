import assert from "node:assert/strict";
import { test } from "vitest";
import { simulate } from "../../scripts/schedules/simulate.ts";
import { hours, seconds } from "../../src/core/duration.ts";
import { scheduleRule } from "../../src/core/schedule.ts";

const rule = (given: object) => scheduleRule.parse(given);

test("a year of a daily rule has 365 ticks, and names the days on which the clock was odd", () => {
  const { ticks, decided } = simulate(rule({ cron: "30 2 * * *", timeZone: "Europe/Berlin" }), 2027);
  assert.equal(ticks, 365);
  assert.deepEqual(decided, [
    { note: "gap", local: "2027-03-28T03:00:00+02:00", utc: "2027-03-28T01:00:00.000Z" },
    { note: "repeat", local: "2027-10-31T02:30:00+02:00", utc: "2027-10-31T00:30:00.000Z" },
  ]);
  assert.equal(simulate(rule({ cron: "30 2 * * *", timeZone: "Europe/Berlin", gap: "skip" }), 2027).ticks, 364);
  assert.equal(simulate(rule({ cron: "0 9 * * *" }), 2028).ticks, 366);
  assert.equal(simulate(rule({ cron: "0 9 * * *", limit: 10 }), 2027, 4).ticks, 6);
});

test("a year of an interval is counted without walking it", () => {
  assert.equal(simulate(rule({ everyMs: seconds(1) }), 2027).ticks, 31_536_000);
  assert.equal(simulate(rule({ everyMs: hours(1), timeZone: "Europe/Berlin" }), 2027).ticks, 8_760);
  const inside = { startsAt: "2027-01-01T00:30:00Z", endsAt: "2027-01-01T03:30:00Z" };
  assert.equal(simulate(rule({ everyMs: hours(1), ...inside }), 2027).ticks, 4);
  assert.equal(simulate(rule({ everyMs: hours(1), ...inside }), 2026).ticks, 0);
});
