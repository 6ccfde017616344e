import type { FieldProblem } from "#core/errors.ts";
import { parseDateParts, RuleRefused } from "../recurrence/parts.ts";
import { Recurrence as Occurrences } from "../recurrence/recurrence.ts";
import { type DateText, lastDate } from "./date.ts";

/** A rule on dates: RFC 5545 with SKIP of RFC 7529. The hour is no part of it: each recipient has a zone of their own. */
export interface Recurrence {
  /** Without `RRULE:`, e.g. `FREQ=MONTHLY;BYMONTHDAY=20`. */
  readonly rrule: string;
  /** DTSTART: the first day the rule is counted from, and what it inherits day and month from. */
  readonly from: DateText;
  /** EXDATE: days on which it does not occur. */
  readonly except: readonly DateText[];
}

/** What is wrong with the text of a rule, by `path`; empty when it can be read. */
export function problemsOfRule(rrule: string, path: string): FieldProblem[] {
  try {
    parseDateParts(rrule);
    return [];
  } catch (error) {
    if (!(error instanceof RuleRefused)) throw error;
    return [{ path, code: error.code, message: error.message }];
  }
}

/** The days on which a rule occurs, from `first` to `last`, both included, in order. Throws RuleRefused. */
export function datesOf(rule: Recurrence, first: DateText, last: DateText): DateText[] {
  return [...occurrences(rule, first, last)];
}

/** The first day on or after `first` on which a rule occurs; `null`: never again. Throws RuleRefused. */
export function nextDate(rule: Recurrence, first: DateText): DateText | null {
  const [date = null] = occurrences(rule, first, lastDate).take(1);
  return date;
}

/** A day is its midnight in UTC to the engine, and a rule without hours occurs at the midnight that it is counted from. */
function* occurrences({ rrule, from, except }: Recurrence, first: DateText, last: DateText): Generator<DateText> {
  const left = new Set(except);
  const recurrence = new Occurrences(parseDateParts(rrule), midnight(from));
  const end = Math.min(midnight(last), recurrence.parts.until ?? Number.POSITIVE_INFINITY);
  for (let at: number | null = midnight(first) - 1; ; ) {
    at = recurrence.next(at, end);
    if (at === null || at > end) return;
    const date = new Date(at).toISOString().slice(0, 10);
    if (!left.has(date)) yield date;
  }
}

function midnight(date: DateText): number {
  return Date.parse(`${date}T00:00:00Z`);
}
