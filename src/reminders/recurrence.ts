import { RRuleTemporal } from "rrule-temporal";
import { Temporal } from "temporal-polyfill";
import type { FieldProblem } from "#core/errors.ts";
import { addDays, type DateText, isDate } from "./date.ts";

/** A rule on dates: RFC 5545 with SKIP of RFC 7529. The hour is no part of it: each recipient has a zone of their own. */
export interface Recurrence {
  /** Without `RRULE:`, e.g. `FREQ=MONTHLY;BYMONTHDAY=20`. */
  readonly rrule: string;
  /** DTSTART: the first day the rule is counted from, and what it inherits day and month from. */
  readonly from: DateText;
  /** EXDATE: days on which it does not occur. */
  readonly except: readonly DateText[];
}

/**
 * Where the next day is looked for: soon first, then far. A rule that has not occurred within 41 years never will: 29
 * February and a weekday meet within 40.
 */
const windowsDays = [366, 5 * 366, 35 * 366] as const;

/** Periods that one question may step over: 41 years of days, three times. */
const maxIterations = 45_000;

const upTo = (max: number) => (value: string) => /^\d{1,5}$/.test(value) && Number(value) >= 1 && Number(value) <= max;
const listOf = (ok: (item: string) => boolean) => (value: string) => value.split(",").every(ok);
const signed = (max: number) => (value: string) => upTo(max)(value.replace(/^[+-]/, ""));
const weekday = (value: string) => /^(MO|TU|WE|TH|FR|SA|SU)$/.test(value);
const nthWeekday = (value: string) => /^([+-]?([1-9]|[1-4]\d|5[0-3]))?(MO|TU|WE|TH|FR|SA|SU)$/.test(value);
const untilDate = (value: string) => /^\d{8}$/.test(value) && isDate(value.replace(/(....)(..)(..)/, "$1-$2-$3"));

/** The parts a rule on dates may have, and what each takes. The library skips what it does not understand; we refuse it. */
const parts: Readonly<Record<string, (value: string) => boolean>> = {
  FREQ: (value) => /^(DAILY|WEEKLY|MONTHLY|YEARLY)$/.test(value),
  INTERVAL: upTo(1_000),
  COUNT: upTo(10_000),
  UNTIL: untilDate,
  BYDAY: listOf(nthWeekday),
  BYMONTHDAY: listOf(signed(31)),
  BYMONTH: listOf(upTo(12)),
  BYYEARDAY: listOf(signed(366)),
  BYWEEKNO: listOf(signed(53)),
  BYSETPOS: listOf(signed(366)),
  WKST: weekday,
  RSCALE: (value) => value === "GREGORIAN",
  SKIP: (value) => /^(OMIT|BACKWARD|FORWARD)$/.test(value),
};

/** What is wrong with the text of a rule, by `path`; empty when it can be read. */
export function problemsOfRule(rrule: string, path: string): FieldProblem[] {
  const problem = (code: string, message: string): FieldProblem[] => [{ path, code, message }];
  const given = new Map<string, string>();
  for (const part of rrule.split(";")) {
    const [name = "", value = "", ...rest] = part.split("=");
    if (/^BY(HOUR|MINUTE|SECOND)$/.test(name) || /^FREQ=(HOUR|MINUTE|SECOND)LY$/.test(part))
      return problem("rule_not_on_dates", `Expected a rule on dates, found ${name}: the hour is the obligation's "at"`);
    const fits = Object.hasOwn(parts, name) && parts[name]!(value) && rest.length === 0;
    if (!fits)
      return problem(
        "rule_unreadable",
        `Expected a part of an RFC 5545 rule on dates, found another: part ${given.size + 1}`,
      );
    if (given.has(name)) return problem("rule_unreadable", `Expected ${name} once, found it twice`);
    given.set(name, value);
  }
  if (!given.has("FREQ")) return problem("rule_unreadable", "Expected FREQ, found none");
  if (given.has("COUNT") && given.has("UNTIL"))
    return problem("rule_unreadable", "Expected COUNT or UNTIL, found both");
  if (given.has("SKIP") && !given.has("RSCALE"))
    return problem("rule_unreadable", "Expected RSCALE=GREGORIAN beside SKIP (RFC 7529), found none");
  if (given.has("BYSETPOS") && ![...given.keys()].some((name) => /^BY(?!SETPOS)/.test(name)))
    return problem("rule_unreadable", "Expected another BY… part beside BYSETPOS, found none");
  if (withoutSkip(given) === null)
    return problem(
      "rule_unsupported",
      "Expected SKIP with one BYMONTHDAY at most, and FORWARD without it, found otherwise",
    );
  return [];
}

/** The days on which a rule occurs, from `first` to `last`, both included, in order. */
export function datesOf(rule: Recurrence, first: DateText, last: DateText): DateText[] {
  if (last < first) return [];
  const except = new Set(rule.except);
  return compiled(rule)
    .between(midnight(first), midnight(last), true)
    .map(dateOf)
    .filter((date) => date >= first && date <= last && !except.has(date));
}

/** The first day on or after `first` on which a rule occurs; `null`: never again. */
export function nextDate(rule: Recurrence, first: DateText): DateText | null {
  let from = first > rule.from ? first : rule.from;
  for (const days of windowsDays) {
    const until = addDays(from, days);
    const [date] = datesOf(rule, from, until);
    if (date !== undefined) return date;
    from = addDays(until, 1);
  }
  return null;
}

function compiled({ rrule, from }: Recurrence): RRuleTemporal<Temporal.ZonedDateTime> {
  const text = withoutSkip(new Map(rrule.split(";").map((part) => part.split("=") as [string, string])))!;
  return new RRuleTemporal({
    rruleString: `DTSTART;TZID=UTC:${from.replaceAll("-", "")}T000000\nRRULE:${text}`,
    temporal: Temporal,
    maxIterations,
  });
}

/**
 * A rule whose `SKIP=BACKWARD` stands beside a BYMONTHDAY, said without it: rrule-temporal 2.2.7 applies SKIP only to a day
 * inherited from DTSTART (seen 2026-11-20: BYMONTHDAY=31 left out every short month). The last of the days 28 to 31 that a
 * month has is the same day. `null`: cannot be said.
 */
function withoutSkip(given: ReadonlyMap<string, string>): string | null {
  const rule = new Map(given);
  const day = Number(given.get("BYMONTHDAY") ?? Number.NaN);
  const skip = given.get("SKIP");
  if (skip !== undefined && skip !== "OMIT" && given.has("BYMONTHDAY") && !(day >= 1 && day <= 28)) {
    const month = given.get("FREQ") === "MONTHLY" || /^\d+$/.test(given.get("BYMONTH") ?? "");
    if (skip === "FORWARD" || !(day >= 29) || !month || given.has("BYSETPOS") || given.has("BYDAY")) return null;
    rule.delete("SKIP");
    rule.delete("RSCALE");
    rule.set("BYMONTHDAY", [28, 29, 30, 31].filter((one) => one <= day).join(","));
    rule.set("BYSETPOS", "-1");
  }
  return [...rule].map(([name, value]) => `${name}=${value}`).join(";");
}

function midnight(date: DateText): Temporal.ZonedDateTime {
  return Temporal.PlainDate.from(date).toZonedDateTime("UTC");
}

function dateOf(at: { toString(): string }): DateText {
  return at.toString().slice(0, 10);
}
