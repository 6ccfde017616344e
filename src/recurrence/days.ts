import { days } from "#core/duration.ts";
import type { RecurrenceParts } from "./parts.ts";

/** A day of the calendar. `number` counts days since 1970-01-01, `weekday` from Monday, 0; the others begin with 1. */
export interface CalendarDay {
  readonly number: number;
  readonly year: number;
  readonly month: number;
  readonly date: number;
  readonly weekday: number;
}

export function dayNumber(year: number, month: number, date: number): number {
  return (year > 99 ? Date.UTC(year, month - 1, date) : new Date(0).setUTCFullYear(year, month - 1, date)) / days(1);
}

export function calendarDay(number: number): CalendarDay {
  const date = new Date(number * days(1));
  return {
    number,
    year: date.getUTCFullYear(),
    month: date.getUTCMonth() + 1,
    date: date.getUTCDate(),
    weekday: weekdayOf(number),
  };
}

export function weekdayOf(number: number): number {
  return (((number + 3) % 7) + 7) % 7; // 1970-01-01 was a Thursday
}

/** Whether a day has what every given BY part of days asks for; SKIP and weeks left aside. */
export function dayMatches(parts: RecurrenceParts, day: CalendarDay): boolean {
  const { months, monthDays, yearDays } = parts;
  if (months && !months.includes(day.month)) return false;
  if (monthDays && !fromEitherEnd(monthDays, day.date, monthLength(day.year, day.month))) return false;
  if (parts.days && !weekdayMatches(parts, day)) return false;
  if (!yearDays) return true;
  const first = dayNumber(day.year, 1, 1);
  return fromEitherEnd(yearDays, day.number - first + 1, dayNumber(day.year + 1, 1, 1) - first);
}

/** The matching days of a month, in order. With SKIP, a day that the month does not have is its last, or the day after. */
export function daysOfMonth(parts: RecurrenceParts, year: number, month: number): number[] {
  if (parts.months && !parts.months.includes(month)) return [];
  const first = dayNumber(year, month, 1);
  const length = monthLength(year, month);
  const missing = parts.skip !== "OMIT" && parts.monthDays?.some((day) => day > length);
  const found: number[] = [];
  for (let date = 1; date <= length; date += 1) {
    const day = { number: first + date - 1, year, month, date, weekday: weekdayOf(first + date - 1) };
    const moved = missing && parts.skip === "BACKWARD" && date === length;
    if (moved ? !parts.days || weekdayMatches(parts, day) : dayMatches(parts, day)) found.push(day.number);
  }
  if (missing && parts.skip === "FORWARD") {
    const day = calendarDay(first + length);
    if (!parts.days || weekdayMatches(parts, day)) found.push(day.number);
  }
  return found;
}

/**
 * The matching days of the numbered weeks of a year, in order. Week 1 is the first with at least four days in the year: it may
 * begin in the year before, and the last one end in the year after.
 */
export function daysOfWeeks(parts: RecurrenceParts, year: number): number[] {
  const first = firstWeek(year, parts.weekStart);
  const count = (firstWeek(year + 1, parts.weekStart) - first) / 7;
  const found: number[] = [];
  for (let week = 1; week <= count; week += 1) {
    if (!fromEitherEnd(parts.weekNumbers!, week, count)) continue;
    const begin = first + (week - 1) * 7;
    for (let day = begin; day < begin + 7; day += 1) if (dayMatches(parts, calendarDay(day))) found.push(day);
  }
  return found;
}

/** The day on which week 1 of a year begins: 4 January is always in it. */
function firstWeek(year: number, weekStart: number): number {
  const fourth = dayNumber(year, 1, 4);
  return fourth - ((weekdayOf(fourth) - weekStart + 7) % 7);
}

export function monthLength(year: number, month: number): number {
  return month === 2
    ? year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0)
      ? 29
      : 28
    : 30 + ((month + (month >> 3)) & 1);
}

function weekdayMatches({ days: wanted, months, frequency }: RecurrenceParts, day: CalendarDay): boolean {
  return wanted!.some(({ weekday, nth }) => {
    if (weekday !== day.weekday) return false;
    if (nth === null) return true;
    const inYear = frequency === "YEARLY" && !months; // the nth of the year, else of the month
    const first = inYear ? dayNumber(day.year, 1, 1) : day.number - day.date + 1;
    const length = inYear ? dayNumber(day.year + 1, 1, 1) - first : monthLength(day.year, day.month);
    const index = day.number - first;
    return nth > 0 ? Math.floor(index / 7) + 1 === nth : -Math.floor((length - 1 - index) / 7) - 1 === nth;
  });
}

/** Whether the `place`th of `length`, both counted from 1, is wanted; negative numbers count from the end. */
function fromEitherEnd(wanted: readonly number[], place: number, length: number): boolean {
  return wanted.includes(place) || wanted.includes(place - length - 1);
}
