import { hours } from "#core/duration.ts";
import { defineSchedule } from "#core/schedule.ts";
import { prune } from "./prune.job.ts";

export const pruneHourly = defineSchedule({
  name: "operations.prune",
  job: prune,
  payload: {},
  everyMs: hours(1),
  overlap: "skip",
  missed: "once",
});
