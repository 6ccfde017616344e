import assert from "node:assert/strict";
import { Temporal } from "temporal-polyfill";
import { describe, test } from "vitest";
import { gapPolicies, type ScheduleRule, scheduleRule } from "../../src/core/schedule.ts";
import { nextTick, type Tick } from "../../src/scheduler/tick.ts";
import {
  type OracleTick,
  type Policy,
  shownAt,
  ticksOf,
  type WallMinute,
  type Window,
  windowAround,
} from "./wall-oracle.ts";

/** Whole, half and quarter hours; steps of 30 minutes and of two hours; steps at midnight; Ramadan; no steps at all. */
const zones = [
  "UTC",
  "Europe/Berlin",
  "Europe/London",
  "Europe/Dublin",
  "Europe/Lisbon",
  "Europe/Chisinau",
  "Europe/Moscow",
  "Europe/Kyiv",
  "Atlantic/Azores",
  "America/New_York",
  "America/Chicago",
  "America/Denver",
  "America/Phoenix",
  "America/Los_Angeles",
  "America/Anchorage",
  "America/St_Johns",
  "America/Halifax",
  "America/Havana",
  "America/Santiago",
  "America/Asuncion",
  "America/Sao_Paulo",
  "America/Nuuk",
  "America/Scoresbysund",
  "America/Mexico_City",
  "Africa/Casablanca",
  "Africa/El_Aaiun",
  "Africa/Cairo",
  "Asia/Beirut",
  "Asia/Jerusalem",
  "Asia/Gaza",
  "Asia/Tehran",
  "Asia/Kolkata",
  "Asia/Kathmandu",
  "Asia/Tokyo",
  "Australia/Adelaide",
  "Australia/Sydney",
  "Australia/Lord_Howe",
  "Antarctica/Troll",
  "Pacific/Chatham",
  "Pacific/Apia",
] as const;

const startLocal = Date.UTC(2025, 11, 1, 2, 30) / 60_000; // what the clock shows at `startsAt`, for the recurrences

interface Row {
  readonly name: string;
  readonly rule: { cron: string } | { rrule: string };
  readonly due: (t: WallMinute) => boolean;
}

const rows: readonly Row[] = [
  { name: "every quarter", rule: { cron: "*/15 * * * *" }, due: (t) => t.minute % 15 === 0 },
  { name: "every hour", rule: { cron: "@hourly" }, due: (t) => t.minute === 0 },
  { name: "at midnight", rule: { cron: "0 0 * * *" }, due: (t) => t.hour === 0 && t.minute === 0 },
  { name: "at 02:30", rule: { cron: "30 2 * * *" }, due: (t) => t.hour === 2 && t.minute === 30 },
  {
    name: "several in the night",
    rule: { cron: "5,45 23,0-3 * * *" },
    due: (t) => (t.hour === 23 || t.hour <= 3) && (t.minute === 5 || t.minute === 45),
  },
  {
    name: "the last Sunday of the month",
    rule: { cron: "30 1-2 * * SUN#L" },
    due: (t) => t.weekday === 0 && t.daysLeft < 7 && (t.hour === 1 || t.hour === 2) && t.minute === 30,
  },
  {
    name: "the last day, or a weekend",
    rule: { cron: "30 */2 L * SAT,7" },
    due: (t) => (t.daysLeft === 0 || t.weekday === 6 || t.weekday === 0) && t.hour % 2 === 0 && t.minute === 30,
  },
  {
    name: "recurring daily",
    rule: { rrule: "FREQ=DAILY" },
    due: (t) => t.hour === 2 && t.minute === 30,
  },
  {
    name: "recurring every five hours",
    rule: { rrule: "FREQ=HOURLY;INTERVAL=5" },
    due: (t) => (t.count - startLocal) % 300 === 0,
  },
  {
    name: "recurring every 20 minutes on three months",
    rule: { rrule: "FREQ=MINUTELY;INTERVAL=20;BYMONTH=3,10,11" },
    due: (t) => (t.count - startLocal) % 20 === 0 && [3, 10, 11].includes(t.month),
  },
  {
    name: "recurring on weekends at night",
    rule: { rrule: "FREQ=WEEKLY;BYDAY=SA,SU;BYHOUR=0,1,2,3;BYMINUTE=0,10,30" },
    due: (t) => (t.weekday === 6 || t.weekday === 0) && t.hour <= 3 && [0, 10, 30].includes(t.minute),
  },
  {
    name: "recurring on the last Sunday of the month",
    rule: { rrule: "FREQ=MONTHLY;BYDAY=-1SU;BYHOUR=0,1,2,3" },
    due: (t) => t.weekday === 0 && t.daysLeft < 7 && t.hour <= 3 && t.minute === 30,
  },
];

/** Every transition of the three years; for a clock without any, the turn of a year and a leap day. */
function momentsOf(zone: string): number[] {
  const moments: number[] = [];
  let at = Temporal.Instant.from("2026-01-01T00:00:00Z").toZonedDateTimeISO(zone);
  for (;;) {
    const next = at.getTimeZoneTransition("next");
    if (!next || next.epochMilliseconds >= Date.UTC(2029, 0, 1)) break;
    moments.push(next.epochMilliseconds);
    at = next;
  }
  return moments.length > 0 ? moments : [Date.UTC(2027, 0, 1), Date.UTC(2028, 1, 29)];
}

/** `startsAt` for a clock that shows the recurrences' start: no zone of the matrix is in a gap then. */
function startsAt(zone: string): string {
  const near = startLocal * 60_000;
  return new Date(near - (shownAt(zone, near) - startLocal) * 60_000).toISOString();
}

function ruleOf(zone: string, row: Row, gap: Policy["gap"]): ScheduleRule {
  return scheduleRule.parse({ ...row.rule, timeZone: zone, gap, startsAt: startsAt(zone) });
}

/** The window's ticks, fired one by one. */
function firedIn(window: Window, zone: string, row: Row, gap: Policy["gap"]): Tick[] {
  const rule = ruleOf(zone, row, gap);
  const end = window.from + window.shown.length * 60_000;
  const ticks: Tick[] = [];
  let tick = nextTick(rule, window.from - 1);
  while (tick && tick.at < end) {
    ticks.push(tick);
    tick = nextTick(rule, tick.at);
  }
  return ticks;
}

/** Asked at any instant, also in the repeated hour, the next tick is the oracle's next. */
function assertAsked(window: Window, rule: ScheduleRule, planned: readonly OracleTick[]): void {
  let index = 0;
  for (let minute = 0; index < planned.length; minute += 11) {
    const at = window.from + minute * 60_000;
    while (index < planned.length && planned[index]!.at <= at) index += 1;
    if (index < planned.length) assert.equal(nextTick(rule, at)?.at, planned[index]!.at, new Date(at).toISOString());
  }
}

const readable = (ticks: readonly OracleTick[]) =>
  ticks.map(({ at, note }) => `${new Date(at).toISOString()}${note ? ` ${note}` : ""}`);

test("the matrix is as large as it says", () => {
  assert.deepEqual([new Set(zones).size, rows.length], [40, 12]);
  const moments = zones.map(momentsOf);
  assert.ok(moments.flat().length > 150, `${moments.flat().length} moments`);
});

describe("ticks around every transition of 2026 to 2028 are those of the oracle", () => {
  for (const zone of zones)
    test(zone, () => {
      for (const moment of momentsOf(zone)) {
        const window = windowAround(zone, moment, 28);
        for (const row of rows)
          for (const gap of gapPolicies) {
            const planned = ticksOf(window, row.due, { gap });
            assert.deepEqual(readable(firedIn(window, zone, row, gap)), readable(planned), `${row.name}, gap ${gap}`);
            assertAsked(window, ruleOf(zone, row, gap), planned);
          }
      }
    });
});

// Seen to fail, 27 tests and more at a time: with the gap's length added to its tick, with the gap's end not looked at, and with
// `skip` taken for `later`. Firing one by one cannot see a repeat that is asked for from within: `assertAsked` is for that.
describe("the matrix sees a broken contract", () => {
  const differences = (broken: NonNullable<Policy["broken"]>) =>
    momentsOf("Europe/Berlin").flatMap((moment) => {
      const window = windowAround("Europe/Berlin", moment, 28);
      return rows.filter((row) => {
        const fired = readable(firedIn(window, "Europe/Berlin", row, "later"));
        return fired.join() !== readable(ticksOf(window, row.due, { gap: "later", broken })).join();
      });
    });

  for (const broken of ["repeats-twice", "gap-by-its-length"] as const)
    test(broken, () => assert.ok(differences(broken).length >= 9));
});
