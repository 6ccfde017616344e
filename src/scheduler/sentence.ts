import { hours, minutes, seconds } from "#core/duration.ts";
import type { ScheduleRule } from "#core/schedule.ts";
import { parseCron } from "./cron.ts";
import { parseRrule } from "./rrule.ts";
import { cronInWords } from "./sentence-cron.ts";
import { recurrenceInWords } from "./sentence-recurrence.ts";
import { every } from "./sentence-words.ts";
import { type Zone, zoneOf } from "./zone.ts";

/**
 * A rule as a sentence for people, with a clock of 24 hours: `every weekday at 09:00, Europe/Berlin`. Exact: a rule that words
 * would not put well is named by its expression. The frame follows where there is one: from when, until when, how often.
 * Throws InvalidInput for a rule that `ruleProblems` would refuse.
 */
export function sentenceOf(rule: ScheduleRule): string {
  if (rule.everyMs !== undefined)
    return [interval(rule.everyMs), ...frame(rule, zoneOf("UTC"), " UTC", null)].join(", ");
  const zone = zoneOf(rule.timeZone);
  if (rule.cron !== undefined) {
    parseCron(rule.cron);
    const words = cronInWords(rule.cron) ?? `by the cron expression "${rule.cron}"`;
    return [words, rule.timeZone, ...frame(rule, zone, "", null)].join(", ");
  }
  const { rrule = "", startsAt = "1970-01-01T00:00:00Z" } = rule;
  const { count, until } = parseRrule(rrule);
  const start = Math.ceil(zone.local(Date.parse(startsAt)) / seconds(1)) * seconds(1);
  const words = recurrenceInWords(rrule, start) ?? `by the recurrence rule "${rrule}"`;
  const times = count === null ? [] : [count === 1 ? "once" : `${count} times`];
  return [words, rule.timeZone, ...frame(rule, zone, "", until), ...times].join(", ");
}

/** Elapsed time in the largest unit that fits; a day of 24 hours is not a calendar's, so hours are the largest. */
function interval(everyMs: number): string {
  if (everyMs % hours(1) === 0) return every(everyMs / hours(1), "hour");
  if (everyMs % minutes(1) === 0) return every(everyMs / minutes(1), "minute");
  if (everyMs % seconds(1) === 0) return every(everyMs / seconds(1), "second");
  return every(everyMs, "millisecond");
}

function frame({ startsAt, endsAt, limit }: ScheduleRule, zone: Zone, suffix: string, until: number | null): string[] {
  const written = (at: number) => {
    const local = new Date(zone.local(at)).toISOString();
    return `${local.slice(0, 10)} ${local.slice(11, local.endsWith(":00.000Z") ? 16 : 19)}${suffix}`;
  };
  const last = Math.min(
    endsAt === undefined ? Number.POSITIVE_INFINITY : Date.parse(endsAt),
    until ?? Number.POSITIVE_INFINITY,
  );
  return [
    ...(startsAt === undefined ? [] : [`from ${written(Date.parse(startsAt))}`]),
    ...(Number.isFinite(last) ? [`until ${written(last)}`] : []),
    ...(limit === undefined ? [] : [`at most ${limit === 1 ? "once" : `${limit} times`}`]),
  ];
}
