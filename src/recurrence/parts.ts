import { NightshiftError } from "#core/errors.ts";

export const frequencies = ["YEARLY", "MONTHLY", "WEEKLY", "DAILY", "HOURLY", "MINUTELY", "SECONDLY"] as const;
export type Frequency = (typeof frequencies)[number];

/** Weekdays as RFC 5545 writes them; their index is their number here. */
export const weekdays = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"] as const;

/** A weekday, or with `nth` the nth of its month or year, negative from the end. */
export interface WeekdayPart {
  readonly weekday: number;
  readonly nth: number | null;
}

/** The parts of a recurrence rule. A list that is not given is null. */
export interface RecurrenceParts {
  readonly frequency: Frequency;
  readonly interval: number;
  readonly count: number | null;
  /** UNTIL, epoch milliseconds: the last instant; of a rule on dates the last day, as the midnight of UTC. */
  readonly until: number | null;
  /** First day of the week. */
  readonly weekStart: number;
  /** RFC 7529: what becomes of a day that a month does not have. */
  readonly skip: "OMIT" | "BACKWARD" | "FORWARD";
  readonly months: readonly number[] | null;
  readonly weekNumbers: readonly number[] | null;
  readonly yearDays: readonly number[] | null;
  readonly monthDays: readonly number[] | null;
  readonly days: readonly WeekdayPart[] | null;
  readonly hours: readonly number[] | null;
  readonly minutes: readonly number[] | null;
  readonly seconds: readonly number[] | null;
  readonly positions: readonly number[] | null;
}

/** A rule that cannot be kept. In which field it stands is for the caller to say. */
export class RuleRefused extends NightshiftError {
  readonly code: "rule_unreadable" | "rule_not_on_dates" | "rule_unsupported";

  constructor(code: RuleRefused["code"], message: string) {
    super(message);
    this.code = code;
  }
}

/** Occurrences must be walked through to be counted. `limit` of the schedule has no such bound. */
const countLimit = 10_000;
const intervalLimit = 10_000;

/**
 * Read `FREQ=…;…`, in any case and also behind `RRULE:`, as a rule on times of a clock: UNTIL is an instant. Throws
 * RuleRefused, which names the part that is wrong and what was expected of it.
 */
export function parseParts(text: string): RecurrenceParts {
  const rule = text
    .trim()
    .replace(/^RRULE:/i, "")
    .toUpperCase();
  return read(rule, untilInstant);
}

/** Read `FREQ=…;…` as a rule on dates: it has no hours, and UNTIL is a day. Throws RuleRefused. */
export function parseDateParts(text: string): RecurrenceParts {
  const hour = /(?:^|;)(?:FREQ=(?:HOUR|MINUTE|SECOND)LY|BY(?:HOUR|MINUTE|SECOND)=)/.exec(text);
  if (hour) throw new RuleRefused("rule_not_on_dates", `Expected a rule on dates, found ${hour[0].replace(";", "")}`);
  const parts = read(text, untilDay);
  // BYMONTHDAY only limits the days of a DAILY rule, so there is none that SKIP could move: whoever writes it expects one.
  if (parts.frequency === "DAILY" && parts.skip !== "OMIT" && parts.monthDays?.some((day) => day > 28))
    refuse("Expected SKIP beside BYMONTHDAY with MONTHLY or YEARLY, found DAILY", "rule_unsupported");
  return parts;
}

function read(text: string, untilOf: (value: string) => number): RecurrenceParts {
  if (/DTSTART|RDATE|EXDATE|EXRULE/i.test(text))
    refuse("Expected the rule alone, with no DTSTART, RDATE, EXDATE or EXRULE: the first day is a field of its own");
  const given = new Map<string, string>();
  for (const part of text.split(";")) {
    const [, name, value] = /^([A-Z]+)=([^=\s]+)$/.exec(part) ?? [];
    if (name === undefined || value === undefined) refuse(`Expected parts such as FREQ=DAILY, found "${part}"`);
    if (given.has(name)) refuse(`Expected ${name} once, found it twice`);
    given.set(name, value);
  }
  const take = (name: string) => {
    const value = given.get(name);
    given.delete(name);
    return value ?? null;
  };
  const numbers = (name: string, low: number, high: number, signed = false) =>
    numbersOf(name, take(name), low, high, signed);
  const scale = take("RSCALE");
  const count = take("COUNT");
  const until = take("UNTIL");
  const parts: RecurrenceParts = {
    frequency: oneOf("FREQ", take("FREQ") ?? "", frequencies),
    interval: whole("INTERVAL", take("INTERVAL") ?? "1", intervalLimit),
    count: count === null ? null : whole("COUNT", count, countLimit),
    until: until === null ? null : untilOf(until),
    weekStart: weekdays.indexOf(oneOf("WKST", take("WKST") ?? "MO", weekdays)),
    skip: oneOf("SKIP", take("SKIP") ?? "OMIT", ["OMIT", "BACKWARD", "FORWARD"]),
    months: numbers("BYMONTH", 1, 12),
    weekNumbers: numbers("BYWEEKNO", 1, 53, true),
    yearDays: numbers("BYYEARDAY", 1, 366, true),
    monthDays: numbers("BYMONTHDAY", 1, 31, true),
    days: daysOf(take("BYDAY")),
    hours: numbers("BYHOUR", 0, 23),
    minutes: numbers("BYMINUTE", 0, 59),
    seconds: numbers("BYSECOND", 0, 59),
    positions: numbers("BYSETPOS", 1, 366, true),
  };
  if (given.size > 0) refuse(`Expected parts of RFC 5545 and RFC 7529, found ${[...given.keys()].join(", ")}`);
  if (scale !== null) oneOf("RSCALE", scale, ["GREGORIAN"]);
  if (parts.skip !== "OMIT" && scale === null) refuse("Expected SKIP together with RSCALE=GREGORIAN, found it alone");
  checkTogether(parts);
  return parts;
}

/** What RFC 5545 §3.3.10 says must not stand together. */
function checkTogether(parts: RecurrenceParts): void {
  const { frequency } = parts;
  const numbered = parts.days?.some((day) => day.nth !== null) ?? false;
  const dated = frequency === "YEARLY" || frequency === "MONTHLY";
  const daily = dated || frequency === "WEEKLY" || frequency === "DAILY";
  if (parts.count !== null && parts.until !== null) refuse("Expected COUNT or UNTIL, found both");
  if (numbered && !dated) refuse(`Expected a number in BYDAY with YEARLY or MONTHLY only, found ${frequency}`);
  if (numbered && parts.weekNumbers) refuse("Expected no number in BYDAY beside BYWEEKNO, found one");
  if (parts.weekNumbers && frequency !== "YEARLY") refuse(`Expected BYWEEKNO with YEARLY only, found ${frequency}`);
  if (parts.yearDays && daily && frequency !== "YEARLY")
    refuse(`Expected no BYYEARDAY with MONTHLY, WEEKLY or DAILY, found ${frequency}`);
  if (parts.monthDays && frequency === "WEEKLY") refuse("Expected no BYMONTHDAY with WEEKLY, found it");
  const others = [parts.months, parts.weekNumbers, parts.yearDays, parts.monthDays, parts.days];
  if (parts.positions && ![...others, parts.hours, parts.minutes, parts.seconds].some(Boolean))
    refuse("Expected BYSETPOS beside another BY part, found it alone");
  if (parts.skip !== "OMIT" && (parts.yearDays || parts.weekNumbers || parts.monthDays?.some((day) => day < -28)))
    refuse(
      "Expected SKIP with days of the month of -28 to 31, found BYYEARDAY, BYWEEKNO or a day before the month's first",
      "rule_unsupported",
    );
}

function refuse(message: string, code: RuleRefused["code"] = "rule_unreadable"): never {
  throw new RuleRefused(code, message);
}

function oneOf<T extends string>(name: string, value: string, choices: readonly T[]): T {
  const found = choices.find((choice) => choice === value);
  if (found === undefined) refuse(`Expected ${name} to be ${choices.join(", ")}; found "${value}"`);
  return found;
}

function whole(name: string, value: string, most: number): number {
  const number = Number(value);
  if (!/^\d+$/.test(value) || number < 1 || number > most)
    refuse(`Expected ${name} to be a whole number of 1 to ${most}, found "${value}"`);
  return number;
}

function numbersOf(name: string, value: string | null, low: number, high: number, signed: boolean): number[] | null {
  if (value === null) return null;
  return value.split(",").map((item) => {
    const size = Math.abs(Number(item));
    if (!(signed ? /^[+-]?\d+$/ : /^\d+$/).test(item) || size < low || size > high)
      refuse(`Expected ${name} of ${low} to ${high}${signed ? ", or negative from the end" : ""}; found "${item}"`);
    return Number(item);
  });
}

function daysOf(value: string | null): WeekdayPart[] | null {
  if (value === null) return null;
  return value.split(",").map((item) => {
    const [, nth, name] = /^([+-]?(?:[1-9]|[1-4]\d|5[0-3]))?(MO|TU|WE|TH|FR|SA|SU)$/.exec(item) ?? [];
    if (name === undefined) refuse(`Expected BYDAY of MO to SU, with a number such as 2MO or -1FR; found "${item}"`);
    return {
      weekday: weekdays.indexOf(name as (typeof weekdays)[number]),
      nth: nth === undefined ? null : Number(nth),
    };
  });
}

function untilInstant(value: string): number {
  const [, year, month, day, hour, minute, second] = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(value) ?? [];
  const at = instantOf(`${year}-${month}-${day}T${hour}:${minute}:${second}.000Z`);
  return at ?? refuse(`Expected UNTIL to be an instant in UTC such as 20301231T225959Z, found "${value}"`);
}

function untilDay(value: string): number {
  const [, year, month, day] = /^(\d{4})(\d\d)(\d\d)$/.exec(value) ?? [];
  const at = instantOf(`${year}-${month}-${day}T00:00:00.000Z`);
  return at ?? refuse(`Expected UNTIL to be a day such as 20301231, found "${value}"`);
}

/** Null for one that no calendar has, such as 30 February. */
function instantOf(text: string): number | null {
  const at = Date.parse(text);
  return Number.isNaN(at) || new Date(at).toISOString() !== text ? null : at;
}
