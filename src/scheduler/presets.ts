import type { ScheduleRule } from "#core/schedule.ts";

/** A named rule, ready to be given a time zone. */
export interface Preset {
  readonly title: string;
  readonly rule: Pick<ScheduleRule, "cron" | "rrule">;
}

/**
 * The rhythms a team runs its house by: three looks a day, a report each week, meetings three times a week, and one theme for each week of the
 * month. A month's nth week begins with its nth Monday.
 */
export const presets: Readonly<Record<string, Preset>> = {
  "health-check": { title: "Health check", rule: { cron: "0 9 * * *" } },
  "daily-report": { title: "Daily report", rule: { cron: "0 17 * * *" } },
  "weekly-report": { title: "Weekly report", rule: { cron: "0 8 * * MON" } },
  "performance-review": { title: "Performance review", rule: { cron: "0 20 * * *" } },
  "meeting-days": { title: "Meetings on Monday, Wednesday and Friday", rule: { cron: "0 9 * * MON,WED,FRI" } },
  "month-week-1": { title: "First week of the month: audit", rule: { cron: "0 9 * * MON#1" } },
  "month-week-2": { title: "Second week of the month: capacity", rule: { cron: "0 9 * * MON#2" } },
  "month-week-3": { title: "Third week of the month: performance", rule: { cron: "0 9 * * MON#3" } },
  "month-week-4": { title: "Fourth week of the month: planning", rule: { cron: "0 9 * * MON#4" } },
};

/** The rule of a preset on a zone's wall clock; null when there is no such preset. */
export function presetRule(name: string, timeZone: string): ScheduleRule | null {
  const preset = Object.hasOwn(presets, name) ? presets[name] : undefined;
  return preset ? { ...preset.rule, timeZone, gap: "later" } : null;
}
