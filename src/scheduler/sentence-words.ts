/** Monday first, as RFC 5545 counts. */
export const weekdayNames = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"] as const;
export const monthNames = "January February March April May June July August September October November December".split(
  " ",
);
const ordinals = ["first", "second", "third", "fourth", "fifth"] as const;

export function listed(words: readonly string[]): string {
  return words.length < 2 ? (words[0] ?? "") : `${words.slice(0, -1).join(", ")} and ${words.at(-1)}`;
}

/** `every hour`, `every 2 hours`. */
export function every(count: number, unit: string): string {
  return count === 1 ? `every ${unit}` : `every ${count} ${unit}s`;
}

/** `first`, `last`; null for those that have no plain word here. */
export function ordinal(nth: number): string | null {
  return nth === -1 ? "last" : (ordinals[nth - 1] ?? null);
}

/** `1st`, `22nd`. */
export function dayOfMonth(day: number): string {
  const suffix = Math.floor(day / 10) === 1 ? "th" : (["th", "st", "nd", "rd"][day % 10] ?? "th");
  return `${day}${suffix}`;
}

export function timeOfDay(hour: number, minute: number): string {
  return `${String(hour).padStart(2, "0")}:${String(minute).padStart(2, "0")}`;
}

/** `every weekday`, `every Monday, Wednesday and Friday`; the days as numbers from Monday, 0. */
export function everyWeekday(days: readonly number[]): string {
  const sorted = [...new Set(days)].sort((a, b) => a - b);
  if (sorted.length === 7) return "every day";
  if (sorted.join() === "0,1,2,3,4") return "every weekday";
  return `every ${listed(sorted.map((day) => weekdayNames[day]!))}`;
}

/**
 * `on the 1st and 15th of every month`, `on 29 February of every leap year`; null when a month may lack one of several days,
 * which a plain sentence would not tell.
 */
export function onDaysOfMonth(days: readonly number[], months: readonly number[] | null): string | null {
  const sorted = [...new Set(days)].sort((a, b) => a - b);
  const of = months === null ? "every month" : listed(months.map((month) => monthNames[month - 1]!));
  const [day, ...others] = sorted;
  if (day === undefined || sorted.length > 6) return null;
  if (others.length === 0 && months?.length === 1) {
    const longest = new Date(Date.UTC(2028, months[0]!, 0)).getUTCDate(); // of a leap year
    if (day > longest) return null;
    return `on ${day} ${of} of every ${day === 29 && months[0] === 2 ? "leap year" : "year"}`;
  }
  if (sorted.every((each) => each <= 28)) return `on the ${listed(sorted.map(dayOfMonth))} of ${of}`;
  return others.length === 0 && months === null ? `on the ${dayOfMonth(day)} of every month that has one` : null;
}

/** `at 09:00 and 17:30`; null for more times than are read with ease. */
export function atTimes(hours: readonly number[], minutes: readonly number[]): string | null {
  if (hours.length * minutes.length > 6) return null;
  const times = hours.flatMap((hour) => minutes.map((minute) => timeOfDay(hour, minute)));
  return `at ${listed([...new Set(times)].sort())}`;
}
