import { minutes } from "#core/duration.ts";
import { defineSchedule } from "#core/schedule.ts";
import { sweep } from "./sweep.job.ts";

/** What an outage left is in the next sweep: one for all ticks that passed is enough. */
export const sweepEachMinute = defineSchedule({
  name: "reminders.sweep",
  job: sweep,
  payload: {},
  everyMs: minutes(1),
  overlap: "skip",
  missed: "once",
});
