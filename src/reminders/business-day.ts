import { addDays, type DateText, weekdayOf } from "./date.ts";

/** What a due date does that falls on a day off. It belongs to the obligation: UK VAT does not move, a Mexican return does. */
export const rolls = ["none", "following", "preceding"] as const;
export type Roll = (typeof rolls)[number];

/** The days off of one holiday calendar, beside weekends. */
export interface DaysOff {
  has(date: DateText): boolean;
}

/** A run of days off longer than this is a mistake in an override file. */
const longestBreakDays = 60;

export function isBusinessDay(date: DateText, holidays: DaysOff): boolean {
  return weekdayOf(date) <= 5 && !holidays.has(date);
}

/** The day itself, or the nearest business day in the direction of the convention. */
export function rolled(date: DateText, roll: Roll, holidays: DaysOff): DateText {
  if (roll === "none") return date;
  return nearest(date, roll === "following" ? 1 : -1, holidays);
}

/**
 * So many business days later (or earlier, below 0). Counted from the day itself, which need not be one: one business day
 * before a Sunday is the Friday. 0 is the day itself.
 */
export function addBusinessDays(date: DateText, days: number, holidays: DaysOff): DateText {
  const step = days < 0 ? -1 : 1;
  let day = date;
  for (let left = Math.abs(days); left > 0; left -= 1) day = nearest(addDays(day, step), step, holidays);
  return day;
}

function nearest(date: DateText, step: 1 | -1, holidays: DaysOff): DateText {
  let day = date;
  for (let left = longestBreakDays; left > 0 && !isBusinessDay(day, holidays); left -= 1) day = addDays(day, step);
  return day;
}
