import { minutes } from "#core/duration.ts";
import { defineSchedule } from "#core/schedule.ts";
import { reconcile } from "./reconcile.job.ts";

/** One pass at a time: a tick at which the pass before still goes on is left out. */
export const reconcileEachMinute = defineSchedule({
  name: "operations.reconcile",
  job: reconcile,
  payload: {},
  everyMs: minutes(1),
  overlap: "skip",
  missed: "once",
});
