import { minutes } from "#core/duration.ts";
import { defineSchedule } from "#core/schedule.ts";
import { planReports } from "./plan.job.ts";

export const planEachFiveMinutes = defineSchedule({
  name: "reports.plan",
  job: planReports,
  payload: {},
  everyMs: minutes(5),
  overlap: "skip",
  missed: "once",
});
