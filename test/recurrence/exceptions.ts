import type { DateRule } from "./date-rules.ts";
import { last, theirs } from "./oracle.ts";

/** Where rrule-temporal 2.2.7 does not do what the RFC says: which rules, why, and what to hold them to instead. */
export interface Exception {
  readonly name: string;
  /** What the RFC says. */
  readonly reason: string;
  applies(rule: DateRule, from: string): boolean;
  /** The days by what the library does well, or by counting on fingers. */
  instead(rule: DateRule, from: string): string[];
  /** One of them, and its first days, by hand. The library must still give others: else the exception is to go. */
  readonly shown: { readonly rule: string; readonly from: string; readonly days: readonly string[] };
}

const limits = 'RFC 5545 §3.3.10, note 2 on BYDAY in a YEARLY rule: "Limit if BYYEARDAY or BYMONTHDAY is present"';
const inOrder =
  'RFC 5545 §3.3.10: "the BYxxx rule parts are applied to the current set of evaluated occurrences in the following order: ' +
  'BYMONTH, BYWEEKNO, BYYEARDAY, BYMONTHDAY, BYDAY, BYHOUR, BYMINUTE, BYSECOND and BYSETPOS"';

export const exceptions: readonly Exception[] = [
  {
    name: "SKIP beside BYMONTHDAY is left out of account",
    reason:
      "RFC 7529 §4.1: SKIP moves the days that a month does not have once BYMONTHDAY is evaluated, and before BYDAY",
    applies: ({ parts }) => /BACKWARD|FORWARD/.test(parts.SKIP ?? "") && parts.BYMONTHDAY !== undefined,
    instead: moved,
    shown: {
      rule: "RSCALE=GREGORIAN;FREQ=MONTHLY;BYMONTHDAY=30,31;SKIP=FORWARD",
      from: "2026-01-01",
      days: ["2026-01-30", "2026-01-31", "2026-03-01", "2026-03-30", "2026-03-31", "2026-04-30", "2026-05-01"],
    },
  },
  {
    name: "a 53rd weekday is looked for in the year beside it, where a year has 52",
    reason:
      'RFC 5545 §3.3.10: the number "indicates the nth occurrence of a specific day within the MONTHLY or YEARLY RRULE"',
    applies: ({ parts }) => /53TH/.test(parts.BYDAY ?? "") && nothingBeside(parts),
    instead: ({ parts }, from) => within(parts, from, onWeekday(parts)),
    shown: { rule: "FREQ=YEARLY;BYDAY=53TH", from: "2024-02-29", days: ["2026-12-31", "2032-12-30"] },
  },
  {
    name: "BYMONTHDAY is left out of account beside a numbered BYDAY",
    reason: limits,
    applies: ({ parts }) => Boolean(parts.BYMONTHDAY && /\d/.test(parts.BYDAY ?? "")) && ofYearAlone(parts),
    instead: ({ parts }, from) => within(parts, from, [...onWeekday(parts), `BYMONTHDAY=${parts.BYMONTHDAY}`]),
    shown: { rule: "FREQ=YEARLY;BYMONTHDAY=1;BYDAY=1MO", from: "2024-02-29", days: ["2029-01-01"] },
  },
  {
    name: "BYDAY is left out of account beside BYYEARDAY",
    reason: limits,
    applies: ({ parts }) => Boolean(parts.BYYEARDAY && parts.BYDAY),
    instead: ({ parts }, from) => within(parts, from, [...onWeekday(parts), `BYYEARDAY=${parts.BYYEARDAY}`]),
    shown: {
      rule: "FREQ=YEARLY;BYYEARDAY=1,100;BYDAY=MO",
      from: "2024-02-29",
      days: ["2029-01-01", "2034-04-10"],
    },
  },
  {
    name: "BYMONTHDAY is left out of account beside BYYEARDAY",
    reason: inOrder,
    applies: ({ parts }) => Boolean(parts.BYYEARDAY && parts.BYMONTHDAY),
    instead: ({ parts }, from) =>
      within(parts, from, [`BYYEARDAY=${parts.BYYEARDAY}`, `BYMONTHDAY=${parts.BYMONTHDAY}`]),
    shown: {
      rule: "FREQ=YEARLY;BYYEARDAY=60;BYMONTHDAY=29",
      from: "2024-02-29",
      days: ["2024-02-29", "2028-02-29", "2032-02-29"],
    },
  },
  {
    name: "BYMONTHDAY and BYYEARDAY are left out of account beside BYWEEKNO",
    reason: inOrder,
    applies: ({ parts }) => Boolean(parts.BYWEEKNO && (parts.BYMONTHDAY ?? parts.BYYEARDAY)),
    instead: ({ parts }, from) =>
      within(parts, from, [
        `BYWEEKNO=${parts.BYWEEKNO};BYDAY=MO,TU,WE,TH,FR,SA,SU`,
        parts.BYMONTHDAY ? `BYMONTHDAY=${parts.BYMONTHDAY}` : `BYYEARDAY=${parts.BYYEARDAY}`,
      ]),
    shown: {
      rule: "FREQ=YEARLY;BYWEEKNO=9;BYMONTHDAY=1",
      from: "2024-02-29",
      days: ["2024-03-01", "2025-03-01", "2026-03-01"],
    },
  },
  {
    name: "days of the last week of the year before are left out, where the rule is counted from one of them",
    reason:
      'RFC 5545 §3.3.10: "Week number one of the calendar year is the first week that contains at least four (4) days in that ' +
      'calendar year", so the last one may end in January; §3.8.5.3: "The DTSTART property defines the first instance in the ' +
      'recurrence set"',
    applies: ({ parts }, from) => parts.BYWEEKNO !== undefined && from.endsWith("-01-01"),
    instead: ({ text, parts }, from) => {
      const { COUNT: count, INTERVAL: interval = "1" } = parts;
      const before = `${Number(from.slice(0, 4)) - Number(interval)}${from.slice(4)}`;
      const anyDay = parts.BYDAY || parts.BYMONTHDAY || parts.BYYEARDAY ? "" : `;BYDAY=${weekdayOf(from)}`;
      const days = theirs(`${text.replace(/;COUNT=\d+/, "")}${anyDay}`, before).filter((day) => day >= from);
      return days.slice(0, Number(count ?? days.length));
    },
    shown: { rule: "FREQ=YEARLY;BYWEEKNO=53", from: "2027-01-01", days: ["2027-01-01", "2032-12-31"] },
  },
];

type Parts = DateRule["parts"];

const nothingBeside = (parts: Parts) => !(parts.BYMONTH || parts.BYMONTHDAY || parts.BYYEARDAY);
/** Its BYDAY alone, held to the year where the library looks for a 53rd beside it. */
const onWeekday = ({ BYDAY: days = "" }: Parts) => [
  `BYDAY=${days}`,
  ...(days === "53TH" ? ["BYYEARDAY=365,366"] : days === "-53TH" ? ["BYYEARDAY=1,2"] : []),
];
const ofYearAlone = (parts: Parts) => parts.FREQ === "YEARLY" && !parts.BYMONTH;

/** Days on which each of the rules occurs, said one part at a time, as the library understands them; then BYSETPOS and the end. */
function within(parts: Parts, from: string, rules: readonly string[]): string[] {
  const year = `${Number(from.slice(0, 4)) - Number(parts.INTERVAL ?? 1)}-01-01`; // its last week may end in this one
  const [first = "", ...limits] = rules;
  const found = theirs(`FREQ=YEARLY;INTERVAL=${parts.INTERVAL ?? 1};WKST=${parts.WKST ?? "MO"};${first}`, year);
  const others = limits.map((rule) => theirs(`FREQ=YEARLY;${rule}`, year));
  const both = found.filter((day) => others.every((days) => days.includes(day)));
  return ended(parts, from, [...Map.groupBy(both, (day) => day.slice(0, 4)).values()]);
}

/** Each month's days as they are written, moved where the month lacks them: BACKWARD to its last, FORWARD to the day after. */
function moved({ parts }: DateRule, from: string): string[] {
  const [year, month] = from.split("-").map(Number) as [number, number];
  const monthsEach = parts.FREQ === "YEARLY" ? 12 : 1;
  const periods: string[][] = [];
  const begin = year * 12 + (monthsEach === 12 ? 0 : month - 1);
  for (let at = begin; at <= 2035 * 12; at += Number(parts.INTERVAL ?? 1) * monthsEach) {
    const all = Array.from({ length: monthsEach }, (_, index) => at + index);
    const wanted = all.filter((one) => !parts.BYMONTH || parts.BYMONTH.split(",").includes(String((one % 12) + 1)));
    periods.push(wanted.flatMap((one) => daysOf(Math.floor(one / 12), one % 12, parts)));
  }
  return ended(parts, from, periods);
}

function daysOf(year: number, month: number, { BYMONTHDAY: days = "", SKIP: skip }: Parts): string[] {
  const length = new Date(Date.UTC(year, month + 1, 0)).getUTCDate();
  return days.split(",").map((text) => {
    const day = Number(text) < 0 ? length + 1 + Number(text) : Number(text);
    const there = day <= length ? day : skip === "BACKWARD" ? length : length + 1;
    return new Date(Date.UTC(year, month, there)).toISOString().slice(0, 10);
  });
}

/** BYSETPOS of each period, and then where the rule begins and ends. */
function ended(parts: Parts, from: string, periods: readonly (readonly string[])[]): string[] {
  const { BYSETPOS: positions, COUNT: count, UNTIL: until } = parts;
  const chosen = periods.flatMap((days) => {
    const set = [...new Set(days)].sort();
    return positions
      ? positions.split(",").flatMap((position) => set.at(Number(position) - (Number(position) > 0 ? 1 : 0)) ?? [])
      : set;
  });
  const days = [...new Set(chosen)].sort().filter((day) => day >= from);
  const counted = days.slice(0, Number(count ?? days.length));
  const end = until ? until.replace(/(....)(..)(..)/, "$1-$2-$3") : last;
  return counted.filter((day) => day <= end && day <= last);
}

function weekdayOf(date: string): string {
  return "SU MO TU WE TH FR SA".split(" ")[new Date(date).getUTCDay()]!;
}
