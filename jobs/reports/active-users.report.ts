import { z } from "zod";
import { defineReport } from "#core/report.ts";
import { checkPeriod, period, timeZone } from "./params.ts";

/** Over the demonstration data of `npm run seed`. */
export const activeUsers = defineReport({
  name: "active-users",
  title: "Active users",
  summary:
    "Users active on a day, in the 7 days and in the 30 days up to it, from the demonstration data of npm run seed.",
  version: 1,
  params: z.strictObject({ ...period, timeZone }).superRefine(checkPeriod),
  columns: [
    { name: "day", title: "Day", type: "date" },
    { name: "dau", title: "Daily", type: "integer" },
    { name: "wau", title: "Weekly", type: "integer" },
    { name: "mau", title: "Monthly", type: "integer" },
    { name: "stickinessPercent", title: "Daily of monthly", type: "percent" },
  ],
  chart: { kind: "line", x: "day", y: ["dau", "wau", "mau"] },
  tags: () => ["demo"],
  /**
   * Exact, and linear in the number of active days: a user who was active on day d counts for the windows that end on d and
   * the next n − 1 days, or until their next active day takes over. So each active day is one step up and one down, and a
   * day's figure is the sum of the steps so far.
   */
  async compute({ from, to, timeZone: zone }, { schema, query }) {
    return query(
      `with active as (
         select distinct user_id, (at at time zone $2)::date as day from ${schema}.demo_events
         where tenant = $1 and at >= ($3::date - 29)::timestamp at time zone $2
           and at < ($4::date + 1)::timestamp at time zone $2
       ), runs as (
         select day, lead(day) over (partition by user_id order by day) as next_day from active
       ), steps as (
         select w.days, r.day as on_day, 1 as by from runs r cross join (values (1), (7), (30)) w (days)
         union all
         select w.days, least(r.day + w.days, r.next_day), -1 from runs r cross join (values (1), (7), (30)) w (days)
       ), daily as (
         select days, on_day, sum(by) as by from steps group by days, on_day
       ), figures as (
         select d.day::date as day,
           (select coalesce(sum(by), 0)::int from daily where days = 1 and on_day <= d.day) as dau,
           (select coalesce(sum(by), 0)::int from daily where days = 7 and on_day <= d.day) as wau,
           (select coalesce(sum(by), 0)::int from daily where days = 30 and on_day <= d.day) as mau
         from generate_series($3::date, $4::date, interval '1 day') as d (day)
       )
       select to_char(day, 'YYYY-MM-DD') as day, dau, wau, mau,
         round(100.0 * dau / nullif(mau, 0), 1)::float8 as "stickinessPercent"
       from figures order by day`,
      [zone, from, to],
    );
  },
});
