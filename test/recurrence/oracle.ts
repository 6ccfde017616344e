import { RRuleTemporal } from "rrule-temporal";
import { Temporal } from "temporal-polyfill";

/** The years that rules are compared over. */
export const first = "2024-01-01";
export const last = "2034-12-31";

/** The days of a rule from `first` to `last`, by rrule-temporal. */
export function theirs(rule: string, from: string): string[] {
  const days = new RRuleTemporal({
    rruleString: `DTSTART;TZID=UTC:${from.replaceAll("-", "")}T000000\nRRULE:${rule}`,
    temporal: Temporal,
    maxIterations: 45_000,
  });
  return days.between(midnight(first), midnight(last), true).map((day) => day.toString().slice(0, 10));
}

function midnight(date: string): Temporal.ZonedDateTime {
  return Temporal.PlainDate.from(date).toZonedDateTime("UTC");
}
