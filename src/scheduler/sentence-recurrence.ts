import { parseRrule } from "./rrule.ts";
import {
  atTimes,
  every,
  everyWeekday,
  listed,
  monthNames,
  onDaysOfMonth,
  ordinal,
  weekdayNames,
} from "./sentence-words.ts";

/** A valid recurrence rule in words, counted from a local time; null when the words would be clumsy or not exact. */
export function recurrenceInWords(text: string, start: number): string | null {
  const parts = parseRrule(text);
  const { frequency, interval, months, monthDays, days } = parts;
  if (parts.positions || parts.weekNumbers || parts.yearDays || parts.skip !== "OMIT") return null;
  const begun = new Date(start);
  const unit = {
    HOURLY: "hour",
    MINUTELY: "minute",
    SECONDLY: "second",
    YEARLY: "",
    MONTHLY: "",
    WEEKLY: "",
    DAILY: "",
  }[frequency];
  const timed = parts.hours ?? parts.minutes ?? parts.seconds;
  if (unit !== "") return timed || months || monthDays || days ? null : every(interval, unit);
  if (parts.seconds ? parts.seconds.join() !== "0" : begun.getUTCSeconds() !== 0) return null;
  const at = atTimes(parts.hours ?? [begun.getUTCHours()], parts.minutes ?? [begun.getUTCMinutes()]);
  if (at === null) return null;
  const inMonths = months ? ` in ${listed(months.map((month) => monthNames[month - 1]!))}` : "";
  if (frequency === "DAILY") {
    if (monthDays || (days && interval > 1)) return null;
    return `${days ? everyWeekday(days.map((day) => day.weekday)) : every(interval, "day")}${inMonths} ${at}`;
  }
  if (frequency === "WEEKLY") {
    const chosen = days?.map((day) => day.weekday) ?? [(begun.getUTCDay() + 6) % 7];
    if (interval === 1) return `${everyWeekday(chosen)}${inMonths} ${at}`;
    const named = [...new Set(chosen)].sort((a, b) => a - b).map((day) => weekdayNames[day]!);
    return months ? null : `every ${interval} weeks on ${listed(named)} ${at}`;
  }
  if (interval > 1) return null;
  if (frequency === "YEARLY" && !months && (monthDays || days)) return null;
  const counted = months ?? (frequency === "YEARLY" ? [begun.getUTCMonth() + 1] : null);
  const of = counted === null ? "every month" : listed(counted.map((month) => monthNames[month - 1]!));
  if (days) {
    const [day] = days;
    const word = day?.nth ? ordinal(day.nth) : null;
    return monthDays || days.length > 1 || word === null
      ? null
      : `on the ${word} ${weekdayNames[day!.weekday]} of ${of} ${at}`;
  }
  const dates = monthDays ?? [begun.getUTCDate()];
  if (dates.join() === "-1") return `on the last day of ${of} ${at}`;
  const on = dates.every((date) => date > 0) ? onDaysOfMonth(dates, counted) : null;
  return on === null ? null : `${on} ${at}`;
}
