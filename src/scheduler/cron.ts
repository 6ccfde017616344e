import { CronPattern } from "croner";
import { days, hours, minutes, seconds } from "#core/duration.ts";
import { InvalidInput } from "#core/errors.ts";

/** A rule of the wall clock: the first local time strictly after another one, in milliseconds, whole seconds. */
export interface WallRule {
  next(local: number): number | null;
}

const fields = [
  { name: "second", expects: "0-59" },
  { name: "minute", expects: "0-59" },
  { name: "hour", expects: "0-23" },
  { name: "day of month", expects: "1-31, or L for the last day" },
  { name: "month", expects: "1-12 or JAN-DEC" },
  { name: "day of week", expects: "0-7 or SUN-SAT, with #1 to #5 for the nth or #L for the last of the month" },
] as const;

const nicknames = "@hourly, @daily, @midnight, @weekly, @monthly, @yearly or @annually";
const lastOfMonth = 1 << 5; // croner's bit for `#L`; bits 0-4 are `#1` to `#5`
/** The Gregorian calendar repeats after 400 years: a rule that found no day by then never will. */
const calendarCycleYears = 400;
const lastYear = 9999;

/**
 * A cron expression as sets of seconds, minutes, hours and days. Day of month and day of week both restricted: either
 * matches. Only a bare `*` leaves a field unrestricted; `1-31` and steps restrict it.
 */
export class CronRule implements WallRule {
  readonly #pattern: CronPattern;
  readonly #secondFrom: readonly number[];
  readonly #minuteFrom: readonly number[];
  readonly #hourFrom: readonly number[];
  readonly #firstTime: number;

  constructor(pattern: CronPattern) {
    this.#pattern = pattern;
    this.#secondFrom = successors(pattern.second);
    this.#minuteFrom = successors(pattern.minute);
    this.#hourFrom = successors(pattern.hour);
    this.#firstTime = this.#timeFrom(0)!;
  }

  /** Null when no day of the calendar matches, or none before the year 10000. Bounded: looks at 4,800 months at most. */
  next(local: number): number | null {
    const from = (Math.floor(local / seconds(1)) + 1) * seconds(1);
    const midnight = Math.floor(from / days(1)) * days(1);
    const date = new Date(midnight);
    let year = date.getUTCFullYear();
    let month = date.getUTCMonth();
    const day = date.getUTCDate();
    if (this.#daysOf(year, month) & (1 << day)) {
      const time = this.#timeFrom(from - midnight);
      if (time !== null) return midnight + time;
    }
    let passed = (2 << day) - 1; // the bits of the days until now; for the 31st all of them
    const until = Math.min(year + calendarCycleYears, lastYear);
    while (year <= until) {
      const left = this.#daysOf(year, month) & ~passed;
      if (left !== 0) return dayOf(year, month, 31 - Math.clz32(left & -left)) + this.#firstTime;
      passed = 0;
      month += 1;
      if (month === 12) {
        month = 0;
        year += 1;
      }
    }
    return null;
  }

  /** The matching days of a month, as bits 1 to 31. */
  #daysOf(year: number, month: number): number {
    const { day, dayOfWeek, starDOM, starDOW, lastDayOfMonth } = this.#pattern;
    if (!this.#pattern.month[month]) return 0;
    const start = dayOf(year, month, 1);
    const length = (dayOf(year, month + 1, 1) - start) / days(1);
    const firstWeekday = new Date(start).getUTCDay();
    let bits = 0;
    for (let date = 1; date <= length; date += 1) {
      const byMonth = Boolean(day[date - 1]) || (lastDayOfMonth && date === length);
      const nth = (1 << Math.floor((date - 1) / 7)) | (date + 7 > length ? lastOfMonth : 0);
      const byWeek = (dayOfWeek[(firstWeekday + date - 1) % 7]! & nth) !== 0;
      if (starDOM || starDOW ? byMonth && byWeek : byMonth || byWeek) bits |= 1 << date;
    }
    return bits;
  }

  /** The first matching time of day at or after another one, in milliseconds since midnight. */
  #timeFrom(time: number): number | null {
    const hour = Math.floor(time / hours(1));
    const minute = Math.floor(time / minutes(1)) % 60;
    const second = Math.floor(time / seconds(1)) % 60;
    const matchingHour = this.#hourFrom[hour]!;
    if (matchingHour === hour) {
      const matchingMinute = this.#minuteFrom[minute]!;
      const matchingSecond = this.#secondFrom[second]!;
      if (matchingMinute === minute && matchingSecond < 60) return timeOf(hour, minute, matchingSecond);
      const later = this.#minuteFrom[minute + (matchingMinute === minute ? 1 : 0)]!;
      if (later < 60) return timeOf(hour, later, this.#secondFrom[0]!);
    }
    const later = this.#hourFrom[hour + (matchingHour === hour ? 1 : 0)]!;
    return later < 24 ? timeOf(later, this.#minuteFrom[0]!, this.#secondFrom[0]!) : null;
  }
}

/**
 * Read a cron expression: five fields, six beginning with seconds, or a nickname. Throws InvalidInput (`cron_invalid`) with
 * the field that is wrong and what was expected of it.
 */
export function parseCron(expression: string): CronRule {
  const text = expression.trim();
  if (text.startsWith("@")) {
    const rule = tryParse(text);
    if (!rule) refuse(`Expected ${nicknames}, found "${text}"`);
    return rule;
  }
  const parts = text.split(/\s+/);
  if (parts.length !== 5 && parts.length !== 6)
    refuse(`Expected five fields, or six beginning with seconds, found ${parts.length}`);
  const named = fields.slice(6 - parts.length);
  for (const [index, part] of parts.entries()) {
    const alone = parts.map((_, other) => (other === index ? part : "*")).join(" ");
    // croner also takes W, + and ?. A ? comes from Quartz, where day 1 is Sunday: it would run on the wrong days.
    if (/[?+W]/i.test(part.replace(/WED/gi, "")) || !tryParse(alone))
      refuse(
        `Expected ${named[index]!.name} (field ${index + 1}) of ${named[index]!.expects}; lists (1,2), ranges (1-5) and steps (*/2, 0-30/5) of them; or *. Found "${part}"`,
      );
  }
  const rule = tryParse(text);
  if (!rule) refuse("Expected a cron expression, found one that cannot be read");
  return rule;
}

function tryParse(text: string): CronRule | null {
  try {
    return new CronRule(new CronPattern(text, undefined, { mode: "5-or-6-parts" }));
  } catch {
    return null; // croner's messages count months from zero; ours name the field
  }
}

function refuse(message: string): never {
  throw new InvalidInput("schedule rule", [{ path: "cron", message, code: "cron_invalid" }], "cron_invalid");
}

/** For each index, the first set index from there on; beyond the end when there is none. */
function successors(set: readonly number[]): number[] {
  const next = [...set.map(() => 0), set.length, set.length];
  for (let index = set.length - 1; index >= 0; index -= 1) next[index] = set[index] ? index : next[index + 1]!;
  return next;
}

function timeOf(hour: number, minute: number, second: number): number {
  return hours(hour) + minutes(minute) + seconds(second);
}

function dayOf(year: number, month: number, day: number): number {
  return year > 99 ? Date.UTC(year, month, day) : new Date(0).setUTCFullYear(year, month, day);
}
