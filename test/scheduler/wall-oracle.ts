/**
 * An oracle for ticks, which shares nothing with the code it judges: it asks Intl what the clock shows at every single minute
 * of a window, and a predicate written by hand whether that minute is due.
 */

/** One minute of a wall clock. */
export interface WallMinute {
  /** Minutes since 1970 of a clock in UTC that shows the same. */
  readonly count: number;
  readonly minute: number;
  readonly hour: number;
  readonly date: number;
  readonly month: number;
  /** 0 is Sunday. */
  readonly weekday: number;
  /** Days until the month's last, which is 0. */
  readonly daysLeft: number;
}

export interface OracleTick {
  readonly at: number;
  readonly note: "gap" | "repeat" | null;
}

export interface Policy {
  readonly gap: "later" | "skip";
  /** What the contract forbids: set in order to see the comparison fail. */
  readonly broken?: "repeats-twice" | "gap-by-its-length";
}

const minuteMs = 60_000;
const formats = new Map<string, Intl.DateTimeFormat>();

/** What the clock shows at an instant, in minutes since 1970 of a clock in UTC. */
export function shownAt(zone: string, at: number): number {
  let format = formats.get(zone);
  if (!format) {
    const numeric = { year: "numeric", month: "numeric", day: "numeric", hour: "numeric", minute: "numeric" } as const;
    format = new Intl.DateTimeFormat("en-US", { timeZone: zone, hourCycle: "h23", ...numeric });
    formats.set(zone, format);
  }
  const [month, day, year, hour, minute] = format.format(at).match(/\d+/g)!.map(Number);
  return Date.UTC(year!, month! - 1, day!, hour!, minute!) / minuteMs;
}

export function wallMinute(count: number): WallMinute {
  const shown = new Date(count * minuteMs);
  const last = new Date(Date.UTC(shown.getUTCFullYear(), shown.getUTCMonth() + 1, 0)).getUTCDate();
  return {
    count,
    minute: shown.getUTCMinutes(),
    hour: shown.getUTCHours(),
    date: shown.getUTCDate(),
    month: shown.getUTCMonth() + 1,
    weekday: shown.getUTCDay(),
    daysLeft: last - shown.getUTCDate(),
  };
}

/** A window of instants with what the clock shows at each minute of it. */
export interface Window {
  readonly from: number;
  readonly shown: readonly number[];
}

export function windowAround(zone: string, at: number, hoursEachWay: number): Window {
  const from = Math.floor(at / minuteMs) * minuteMs - hoursEachWay * 60 * minuteMs;
  const shown = Array.from({ length: hoursEachWay * 2 * 60 }, (_, index) => shownAt(zone, from + index * minuteMs));
  return { from, shown };
}

/** The ticks of a window by the contract: each due minute at its first showing, skipped ones where the clock jumps on. */
export function ticksOf(window: Window, due: (minute: WallMinute) => boolean, policy: Policy): OracleTick[] {
  const isDue = (count: number) => due(wallMinute(count));
  const shownTimes = Map.groupBy(window.shown, (count) => count);
  const seen = new Set<number>();
  const ticks: OracleTick[] = [];
  for (const [index, count] of window.shown.entries()) {
    const at = window.from + index * minuteMs;
    const before = window.shown[index - 1] ?? count - 1;
    const isFirst = !seen.has(count) || policy.broken === "repeats-twice";
    seen.add(count);
    if (isDue(count) && isFirst) {
      ticks.push({ at, note: shownTimes.get(count)!.length > 1 ? "repeat" : null });
      continue;
    }
    if (policy.gap === "skip") continue;
    const skipped = Array.from({ length: Math.max(0, count - before - 1) }, (_, step) => before + 1 + step);
    const later = policy.broken === "gap-by-its-length" ? skipped.length * minuteMs : 0;
    if (skipped.some(isDue)) ticks.push({ at: at + later, note: "gap" });
  }
  return ticks;
}
