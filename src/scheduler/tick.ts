import { days, hours, minutes } from "#core/duration.ts";
import type { ScheduleRule } from "#core/schedule.ts";

/** A planned instant of a rule. */
export interface Tick {
  /** Milliseconds since 1970, UTC. */
  readonly at: number;
  readonly note: "gap" | "repeat" | null;
}

/** The first tick after an instant; `null`: none will ever come. `fired`: how many came before, for `limit`. */
export function nextTick(rule: ScheduleRule, after: number, fired = 0): Tick | null {
  if (rule.limit !== undefined && fired >= rule.limit) return null;
  const startsAt = rule.startsAt === undefined ? null : Date.parse(rule.startsAt);
  const from = startsAt === null ? after : Math.max(after, startsAt - 1);
  const tick = rule.everyMs === undefined ? nextDaily(rule, from) : nextMultiple(rule.everyMs, from, startsAt ?? 0);
  return tick === null || (rule.endsAt !== undefined && tick.at > Date.parse(rule.endsAt)) ? null : tick;
}

/** The next `count` ticks. */
export function ticksFrom(rule: ScheduleRule, after: number, count: number, fired = 0): Tick[] {
  const ticks: Tick[] = [];
  for (let at = after; ticks.length < count; at = ticks.at(-1)!.at) {
    const tick = nextTick(rule, at, fired + ticks.length);
    if (tick === null) break;
    ticks.push(tick);
  }
  return ticks;
}

function nextMultiple(everyMs: number, after: number, origin: number): Tick {
  return { at: origin + (Math.floor((after - origin) / everyMs) + 1) * everyMs, note: null };
}

function nextDaily(rule: ScheduleRule, after: number): Tick | null {
  const fields = rule.cron!.split(" ");
  const [minute, hour, day, month] = fields.map((field) => (field === "*" ? null : Number(field)));
  if (minute === null || hour === null) {
    const step = hour === null && minute !== null ? hours(1) : minutes(1);
    const at = (Math.floor((after - (minute ?? 0) * minutes(1)) / step) + 1) * step + (minute ?? 0) * minutes(1);
    return { at, note: null };
  }
  for (
    let local = Math.floor((after + offset(rule.timeZone, after)) / days(1)) - 1, tries = 0;
    tries < 3_000;
    tries += 1
  ) {
    const date = new Date((local + tries) * days(1));
    if (
      (day ?? date.getUTCDate()) !== date.getUTCDate() ||
      (month ?? date.getUTCMonth() + 1) !== date.getUTCMonth() + 1
    )
      continue;
    const wall = date.getTime() + hour! * hours(1) + minute! * minutes(1);
    const before = offset(rule.timeZone, wall - days(1));
    const later = offset(rule.timeZone, wall + days(1));
    const candidates = [...new Set([wall - before, wall - later])].filter(
      (at) => at + offset(rule.timeZone, at) === wall,
    );
    if (candidates.length === 0 && rule.gap === "skip") continue;
    const at =
      candidates.length > 0
        ? Math.min(...candidates)
        : firstAfterGap(rule.timeZone, wall - Math.max(before, later), wall - Math.min(before, later));
    if (at > after) return { at, note: candidates.length === 0 ? "gap" : candidates.length === 2 ? "repeat" : null };
  }
  return null;
}

function firstAfterGap(timeZone: string, from: number, to: number): number {
  const old = offset(timeZone, from - hours(3));
  for (let at = Math.floor(from / minutes(1)) * minutes(1); at <= to; at += minutes(1))
    if (offset(timeZone, at) !== old) return at;
  return to;
}

function offset(timeZone: string, at: number): number {
  const parts = new Intl.DateTimeFormat("en", { timeZone, timeZoneName: "longOffset" }).formatToParts(at);
  const [, sign, h, m] = /GMT([+-])(\d\d):(\d\d)/.exec(parts.find(({ type }) => type === "timeZoneName")!.value) ?? [];
  return h === undefined ? 0 : (sign === "-" ? -1 : 1) * (Number(h) * hours(1) + Number(m) * minutes(1));
}
