import type { ScheduleRule } from "#core/schedule.ts";

/** The rule in words. */
export function sentenceOf({ cron, rrule, everyMs, timeZone }: ScheduleRule): string {
  return everyMs !== undefined ? `every ${everyMs / 1_000} s` : `${cron ?? rrule}, ${timeZone}`;
}
