import { InvalidInput } from "#core/errors.ts";
import type { ScheduleRule } from "#core/schedule.ts";
import { Recurrence } from "../recurrence/recurrence.ts";
import { parseCron, type WallRule } from "./cron.ts";
import { parseRrule } from "./rrule.ts";
import { remember, type Zone, zoneOf } from "./zone.ts";

/** One planned instant of a schedule. */
export interface Tick {
  /** Epoch milliseconds. */
  readonly at: number;
  /**
   * `gap`: the planned local time does not exist that day, and this is the first instant after the gap. `repeat`: the local
   * time happens twice, and this is the first of the two. Null: neither.
   */
  readonly note: "gap" | "repeat" | null;
}

/** What a rule comes down to: `next` gives the first tick after an instant, `until` the last instant that may hold one. */
interface Ready {
  readonly next: (after: number) => Tick | null;
  readonly from: number;
  readonly until: number;
}

const rulesKept = 5_000; // about 2 kB each
const earliest = Date.parse("0001-01-02T00:00:00Z");
const latest = Date.parse("9999-12-30T00:00:00Z");
/** A rule whose every time falls into a gap, such as 02:30 on each last Sunday of March, is given up after so many. */
const gapsLeftOut = 50;

const wallRules = new Map<string, WallRule>();

/**
 * The first tick of a rule strictly after an instant, in epoch milliseconds; null when there is none any more. `fired` is how
 * many ticks there were so far, for `limit`. The same function fires and previews, and its answer depends on nothing else.
 *
 * `cron` and `rrule` name times of a wall clock. A time that the clock skips in spring is planned at the first instant after
 * the gap (`gap: "later"`) or not at all (`"skip"`); several of them, and a time due then anyway, are one tick. A time
 * that the clock shows twice in autumn is planned once, the first time: a rule for every quarter of an hour therefore
 * rests while the hour is repeated. `everyMs` counts elapsed time and knows no zone.
 *
 * Throws InvalidInput for a rule that `ruleProblems` would refuse.
 */
export function nextTick(rule: ScheduleRule, after: number, fired = 0): Tick | null {
  if (rule.limit !== undefined && fired >= rule.limit) return null;
  const made = prepare(rule);
  const base = Math.max(after, made.from - 1, earliest);
  if (base >= made.until) return null;
  const tick = made.next(base);
  return tick && tick.at <= made.until ? tick : null;
}

/** The first `count` ticks after an instant, fewer when the rule ends: what firing them one by one would give. */
export function ticksFrom(rule: ScheduleRule, after: number, count: number, fired = 0): Tick[] {
  const ticks: Tick[] = [];
  let last = after;
  while (ticks.length < count) {
    const tick = nextTick(rule, last, fired + ticks.length);
    if (!tick) break;
    ticks.push(tick);
    last = tick.at;
  }
  return ticks;
}

function prepare(rule: ScheduleRule): Ready {
  const from = rule.startsAt === undefined ? earliest : Date.parse(rule.startsAt);
  const endsAt = rule.endsAt === undefined ? latest : Math.min(Date.parse(rule.endsAt), latest);
  if (Number(rule.cron !== undefined) + Number(rule.rrule !== undefined) + Number(rule.everyMs !== undefined) !== 1)
    throw new InvalidInput("schedule rule", [
      { path: "", message: "Expected exactly one of cron, rrule and everyMs", code: "rule_ambiguous" },
    ]);
  if (rule.everyMs !== undefined) {
    const everyMs = rule.everyMs;
    const origin = rule.startsAt === undefined ? 0 : from;
    const next = (after: number) => ({
      at: origin + (Math.floor((after - origin) / everyMs) + 1) * everyMs,
      note: null,
    });
    return { next, from, until: endsAt };
  }
  const zone = zoneOf(rule.timeZone);
  const wall = wallRuleOf(rule, zone, from);
  const until = wall instanceof Recurrence ? Math.min(endsAt, wall.parts.until ?? endsAt) : endsAt;
  return { next: (after) => wallTick(wall, zone, rule.gap, after), from, until };
}

function wallRuleOf(rule: ScheduleRule, zone: Zone, from: number): WallRule {
  if (rule.cron !== undefined) {
    const { cron } = rule;
    return remember(wallRules, `cron ${cron}`, rulesKept, () => parseCron(cron));
  }
  if (rule.startsAt === undefined)
    throw new InvalidInput("schedule rule", [
      {
        path: "startsAt",
        message: "Expected the instant an rrule is counted from, found none",
        code: "starts_at_missing",
      },
    ]);
  const start = zone.local(from);
  return remember(
    wallRules,
    `rrule ${start} ${rule.rrule}`,
    rulesKept,
    () => new Recurrence(parseRrule(rule.rrule!), start),
  );
}

/**
 * The first tick of a wall-clock rule after an instant. Later local times are never reached earlier, so the first local time
 * that the clock has not shown yet is the one.
 */
function wallTick(rule: WallRule, zone: Zone, gap: ScheduleRule["gap"], after: number): Tick | null {
  let shown = zone.latestLocal(after);
  for (let leftOut = 0; leftOut < gapsLeftOut; leftOut += 1) {
    const local = rule.next(shown);
    if (local === null) return null;
    const reached = zone.reach(local);
    if (reached.note !== "gap") return reached;
    const gapEnd = zone.local(reached.at);
    if (rule.next(gapEnd - 1) === gapEnd) return { at: reached.at, note: null }; // due then anyway
    if (gap === "later") return reached;
    shown = gapEnd - 1;
  }
  return null;
}
