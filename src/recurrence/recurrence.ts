import { days, hours, minutes, seconds } from "#core/duration.ts";
import { calendarDay, dayMatches, dayNumber, daysOfMonth, daysOfWeeks, weekdayOf } from "./days.ts";
import type { Frequency, RecurrenceParts } from "./parts.ts";

/** Length of a period that always has the same; a year and a month have not. */
const unitMs: Readonly<Record<Exclude<Frequency, "YEARLY" | "MONTHLY">, number>> = {
  WEEKLY: days(7),
  DAILY: days(1),
  HOURLY: hours(1),
  MINUTELY: minutes(1),
  SECONDLY: seconds(1),
};
/** Periods looked at for one occurrence: of a day or more, the 400 years after which the calendar repeats itself. */
const stepLimit = {
  YEARLY: 400,
  MONTHLY: 4_800,
  WEEKLY: 20_900,
  DAILY: 146_100,
  HOURLY: 150_000,
  MINUTELY: 150_000,
  SECONDLY: 150_000,
} as const satisfies Readonly<Record<Frequency, number>>;
const end = Date.UTC(10_000, 0, 1);

/**
 * An RFC 5545 recurrence on the wall clock: local times as numbers, where every time exists; whose instant a local time has
 * is the zone's to say. A rule names a period (year, month, week, day, hour, …), days or units within it (`bases`) and
 * times within those (`slots`). UNTIL may be an instant and is therefore the caller's: here the rule goes on.
 */
export class Recurrence {
  readonly parts: RecurrenceParts;
  readonly #start: number;
  readonly #slots: readonly number[];
  readonly #firstPeriod: number;
  /** How far back to begin where a period's last days may stand in the next: moved forward, or of a week of two years. */
  readonly #overhang: number;
  /** The days of the period that was looked at last. */
  #held: { readonly period: number; readonly bases: readonly number[] } | null = null;
  /** With COUNT: how many occurrences were counted so far, and the last of them. */
  #counted = 0;
  #last: number;
  #endedAt = Number.POSITIVE_INFINITY;

  /** `start` is the local time the rule is counted from. */
  constructor(parts: RecurrenceParts, start: number) {
    this.#start = Math.ceil(start / seconds(1)) * seconds(1);
    this.parts = withDefaults(parts, this.#start);
    this.#slots = slotsOf(this.parts);
    this.#firstPeriod = this.#periodOf(this.#start);
    this.#last = this.#start - 1;
    this.#overhang = parts.skip === "FORWARD" || parts.weekNumbers ? parts.interval : 0;
  }

  /**
   * The first occurrence after a local time; null: none. Bounded, whatever the rule. What lies after `until` is of no interest:
   * it may be answered, or null.
   */
  next(local: number, until = end): number | null {
    const next = this.#after(local, until);
    return next !== null && this.#isCounted(next) ? next : null;
  }

  /** Whether COUNT reaches an occurrence. Those before it are walked through, each once. */
  #isCounted(occurrence: number): boolean {
    const { count } = this.parts;
    if (count === null) return true;
    while (this.#counted < count && this.#last < occurrence) {
      this.#last = this.#after(this.#last)!;
      this.#counted += 1;
    }
    return occurrence <= this.#last;
  }

  /** The first occurrence after a local time, COUNT left aside. Bounded: a rule too rare to be found has ended. */
  #after(local: number, until = end): number | null {
    const from = Math.max(local, this.#start - 1);
    if (from >= this.#endedAt) return null;
    const { interval } = this.parts;
    const limit = stepLimit[this.parts.frequency];
    let period = this.#align(this.#periodOf(from)) - this.#overhang;
    for (let step = 0; step < limit; step += 1) {
      const begin = this.#beginOf(period);
      if (begin >= end) break;
      if (begin > until + days(7)) return null; // week 1 of a year may begin before it
      const found = this.#within(period, from);
      if (found !== null) return found;
      period = Math.max(period + interval, this.#align(this.#nextPossible(period)));
    }
    this.#endedAt = from;
    return null;
  }

  /** The last period of the rule that is not after another. */
  #align(period: number): number {
    const { interval } = this.parts;
    return this.#firstPeriod + Math.floor((period - this.#firstPeriod) / interval) * interval;
  }

  /** The first occurrence of a period after a local time. */
  #within(period: number, from: number): number | null {
    if (this.#held?.period !== period) this.#held = { period, bases: this.#bases(period) };
    const { bases } = this.#held;
    const slots = this.#slots;
    const count = bases.length * slots.length;
    if (count === 0) return null;
    const at = (index: number) => bases[Math.floor(index / slots.length)]! + slots[index % slots.length]!;
    const { positions } = this.parts;
    if (positions) {
      const chosen = positions.map((position) => (position > 0 ? position - 1 : count + position));
      const times = chosen.filter((index) => index >= 0 && index < count).map(at);
      return times.filter((time) => time > from).reduce<number | null>((a, b) => (a === null || b < a ? b : a), null);
    }
    let low = 0;
    let high = count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (at(middle) > from) high = middle;
      else low = middle + 1;
    }
    return low < count ? at(low) : null;
  }

  /** The days of a period, or the period itself when it is shorter than a day, as local times in order. */
  #bases(period: number): number[] {
    const { parts } = this;
    switch (parts.frequency) {
      case "YEARLY":
        return (
          parts.weekNumbers
            ? daysOfWeeks(parts, period)
            : distinct((parts.months ?? allMonths).flatMap((month) => daysOfMonth(parts, period, month)))
        ).map(days);
      case "MONTHLY":
        return daysOfMonth(parts, Math.floor(period / 12), (period % 12) + 1).map(days);
      case "WEEKLY": {
        const first = this.#beginOf(period) / days(1);
        return eachOfWeek
          .map((index) => first + index)
          .filter((day) => dayMatches(parts, calendarDay(day)))
          .map(days);
      }
      default: {
        const begin = this.#beginOf(period);
        return this.#lacks(begin) === null ? [begin] : [];
      }
    }
  }

  /** How long a time shorter than a week stays without what the rule asks of its day, hour or minute; null: it has all. */
  #lacks(begin: number): number | null {
    const { months, hours: wantedHours, minutes: wantedMinutes, seconds: wantedSeconds, frequency } = this.parts;
    const day = calendarDay(Math.floor(begin / days(1)));
    if (months && !months.includes(day.month)) return days(dayNumber(day.year, day.month + 1, 1));
    if (!dayMatches(this.parts, day)) return days(day.number + 1);
    if (frequency === "DAILY") return null;
    const after = (unit: number) => (Math.floor(begin / unit) + 1) * unit;
    if (wantedHours && !wantedHours.includes(Math.floor(begin / hours(1)) % 24)) return after(hours(1));
    if (frequency === "HOURLY") return null;
    if (wantedMinutes && !wantedMinutes.includes(Math.floor(begin / minutes(1)) % 60)) return after(minutes(1));
    if (frequency === "MINUTELY") return null;
    return wantedSeconds && !wantedSeconds.includes(Math.floor(begin / seconds(1)) % 60) ? after(seconds(1)) : null;
  }

  /** The last period before the one that may hold an occurrence again: months and days without are passed at one go. */
  #nextPossible(period: number): number {
    const { frequency, interval } = this.parts;
    if (frequency === "YEARLY" || frequency === "MONTHLY" || frequency === "WEEKLY") return period;
    const until = this.#lacks(this.#beginOf(period));
    return until === null ? period : this.#periodOf(until - 1) + interval;
  }

  #periodOf(local: number): number {
    const { frequency, weekStart } = this.parts;
    const date = new Date(local);
    if (frequency === "YEARLY") return date.getUTCFullYear();
    if (frequency === "MONTHLY") return date.getUTCFullYear() * 12 + date.getUTCMonth();
    if (frequency !== "WEEKLY") return Math.floor(local / unitMs[frequency]);
    const day = Math.floor(local / days(1));
    return Math.floor((day - ((weekdayOf(day) - weekStart + 7) % 7) - weekStart + 3) / 7);
  }

  #beginOf(period: number): number {
    const { frequency, weekStart } = this.parts;
    if (frequency === "YEARLY") return days(dayNumber(period, 1, 1));
    if (frequency === "MONTHLY") return days(dayNumber(Math.floor(period / 12), (period % 12) + 1, 1));
    if (frequency === "WEEKLY") return days(period * 7 + weekStart - 3);
    return period * unitMs[frequency];
  }
}

const allMonths = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];
const eachOfWeek = [0, 1, 2, 3, 4, 5, 6];
const distinct = (list: readonly number[] | null) => [...new Set(list)].sort((a, b) => a - b);

/** What a rule leaves open it takes from its start: RFC 5545 §3.3.10. */
function withDefaults(parts: RecurrenceParts, start: number): RecurrenceParts {
  const first = calendarDay(Math.floor(start / days(1)));
  const { frequency, monthDays, yearDays, weekNumbers } = parts;
  const open = !monthDays && !yearDays && !weekNumbers && !parts.days;
  const time = {
    hours:
      parts.hours ??
      (unitOf(frequency) < hours(1) || frequency === "HOURLY" ? null : [Math.floor(start / hours(1)) % 24]),
    minutes: parts.minutes ?? (unitOf(frequency) < hours(1) ? null : [Math.floor(start / minutes(1)) % 60]),
    seconds: parts.seconds ?? (frequency === "SECONDLY" ? null : [Math.floor(start / seconds(1)) % 60]),
  };
  const weekday = [{ weekday: first.weekday, nth: null }];
  if (frequency === "WEEKLY" && !parts.days) return { ...parts, ...time, days: weekday };
  if (frequency === "YEARLY" && weekNumbers && !parts.days && !monthDays && !yearDays)
    return { ...parts, ...time, days: weekday };
  if (frequency === "YEARLY" && open)
    return { ...parts, ...time, months: parts.months ?? [first.month], monthDays: [first.date] };
  if (frequency === "MONTHLY" && open) return { ...parts, ...time, monthDays: [first.date] };
  return { ...parts, ...time };
}

function unitOf(frequency: Frequency): number {
  return frequency === "YEARLY" || frequency === "MONTHLY" ? days(28) : unitMs[frequency];
}

/** The times within a base, in order: of a day, of an hour, of a minute; a second is its own. */
function slotsOf({ frequency, hours: h, minutes: m, seconds: s }: RecurrenceParts): number[] {
  const inMinute = frequency === "SECONDLY" ? [0] : distinct(s).map(seconds);
  const inHour = unitOf(frequency) < hours(1) ? [0] : distinct(m).map(minutes);
  const inDay = unitOf(frequency) < days(1) ? [0] : distinct(h).map(hours);
  return inDay.flatMap((hour) => inHour.flatMap((minute) => inMinute.map((second) => hour + minute + second)));
}
