import {
  atTimes,
  every,
  everyWeekday,
  listed,
  monthNames,
  onDaysOfMonth,
  ordinal,
  timeOfDay,
  weekdayNames,
} from "./sentence-words.ts";

/** A field that names single values, or a step over all of them; null: everything. */
type Field = { readonly values: readonly number[]; readonly step: number | null } | null;

const nicknames: Readonly<Record<string, string>> = {
  "@hourly": "0 * * * *",
  "@daily": "0 0 * * *",
  "@midnight": "0 0 * * *",
  "@weekly": "0 0 * * 0",
  "@monthly": "0 0 1 * *",
  "@yearly": "0 0 1 1 *",
  "@annually": "0 0 1 1 *",
};
const names = "SUN MON TUE WED THU FRI SAT".split(" ");
const months = "JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC".split(" ");

/** A valid cron expression in words; null when the words would be clumsy or not exact. */
export function cronInWords(expression: string): string | null {
  const text = expression.trim().toUpperCase();
  const parts = (nicknames[text.toLowerCase()] ?? text).split(/\s+/);
  const [second, minute, hour, date, month, weekday] = (parts.length === 5 ? ["0", ...parts] : parts) as Six;
  const days = daysInWords(date, month, weekday);
  if (days === null) return null;
  const often = oftenInWords(second, minute, hour);
  if (often !== null) return days === "every day" ? often : `${days}, ${often}`;
  const at = second === "0" ? atInWords(minute, hour) : null;
  return at === null ? null : `${days} ${at}`;
}

type Six = [string, string, string, string, string, string];

/** Rules that fire at least once an hour, or in equal steps over the day. */
function oftenInWords(second: string, minute: string, hour: string): string | null {
  const [s, m, h] = [fieldOf(second, 60), fieldOf(minute, 60), fieldOf(hour, 24)];
  if (second !== "0") {
    if (m !== null || h !== null) return null;
    if (s === null) return every(1, "second");
    return s.step === null ? null : every(s.step, "second");
  }
  if (m === null) return h === null ? every(1, "minute") : span(1, h);
  if (m.step !== null) return h === null ? every(m.step, "minute") : span(m.step, h);
  const [first, ...others] = m.values;
  const past =
    first === 0 && others.length === 0
      ? ""
      : ` at minute${others.length > 0 ? "s" : ""} ${listed(m.values.map(String))}`;
  if (h === null) return m.values.length > 6 ? null : `every hour${past}`;
  if (others.length > 0) return null;
  if (h.step !== null) return `${every(h.step, "hour")}${past}`;
  if (h.values.length < 7 || !isUnbroken(h.values)) return null;
  return `every hour from ${timeOfDay(h.values[0]!, first!)} to ${timeOfDay(h.values.at(-1)!, first!)}`;
}

/** `every 15 minutes from 09:00 to 17:45`: the last time is one that fires. */
function span(step: number, hour: NonNullable<Field>): string | null {
  if (hour.step !== null || !isUnbroken(hour.values)) return null;
  const [first, last] = [hour.values[0]!, hour.values.at(-1)!];
  return `${every(step, "minute")} from ${timeOfDay(first, 0)} to ${timeOfDay(last, 60 - step)}`;
}

function atInWords(minute: string, hour: string): string | null {
  const [m, h] = [fieldOf(minute, 60), fieldOf(hour, 24)];
  return m === null || h === null ? null : atTimes(h.values, m.values);
}

function daysInWords(date: string, month: string, weekday: string): string | null {
  const monthField = fieldOf(month, 13, months, 1);
  const inMonths = monthField === null ? null : monthField.values;
  const of = inMonths === null ? "every month" : listed(inMonths.map((each) => monthNames[each - 1]!));
  if (date !== "*" && weekday !== "*") return null; // either matches: "on the 1st, and on Mondays" is read as both
  if (date === "L") return `on the last day of ${of}`;
  if (date !== "*") {
    if (date.includes("L")) return null;
    return onDaysOfMonth(fieldOf(date, 32, [], 1)!.values, inMonths);
  }
  const [, day, nth] = /^(\w+?)#?([1-5]|L)$/.exec(weekday) ?? [];
  if (day !== undefined && /[#L]/.test(weekday)) {
    if (!/^([0-7]|[A-Z]{3})$/.test(day)) return null;
    const number = fieldOf(day, 8, names)!.values[0]!;
    return `on the ${ordinal(nth === "L" ? -1 : Number(nth))} ${weekdayNames[(number + 6) % 7]} of ${of}`;
  }
  if (/[#L]/.test(weekday)) return null;
  const weekdays =
    weekday === "*" ? "every day" : everyWeekday(fieldOf(weekday, 8, names)!.values.map((each) => (each + 6) % 7));
  return inMonths === null ? weekdays : `${weekdays} in ${of}`;
}

/** A field's values in order. A step over all of them counts as one only where it divides the whole, as 15 does 60. */
function fieldOf(text: string, size: number, words: readonly string[] = [], low = 0): Field {
  if (text === "*") return null;
  const numberOf = (word: string) => (words.includes(word) ? words.indexOf(word) + low : Number(word));
  const values = text.split(",").flatMap((item) => {
    const [range, step] = item.split("/") as [string, string | undefined];
    const [first, last] = range === "*" ? [low, size === 8 ? 6 : size - 1] : range.split("-").map(numberOf);
    const end = last ?? first!;
    return Array.from(
      { length: Math.floor((end - first!) / Number(step ?? 1)) + 1 },
      (_, index) => first! + index * Number(step ?? 1),
    );
  });
  const sorted = [...new Set(values)].sort((a, b) => a - b);
  const step = /^\*\/(\d+)$/.exec(text)?.[1];
  return { values: sorted, step: step !== undefined && size % Number(step) === 0 ? Number(step) : null };
}

function isUnbroken(values: readonly number[]): boolean {
  return values.every((value, index) => index === 0 || value === values[index - 1]! + 1);
}
