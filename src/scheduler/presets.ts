import type { ScheduleRule } from "#core/schedule.ts";

/** Rules by name, for `preset` in `PUT /v1/schedules/{name}`. */
export const presets: Readonly<
  Record<string, { readonly title: string; readonly rule: Pick<ScheduleRule, "cron" | "rrule"> }>
> = {
  "health-check": { title: "Every day at 09:00", rule: { cron: "0 9 * * *" } },
  "daily-report": { title: "Every day at 17:00", rule: { cron: "0 17 * * *" } },
};
