import { z } from "zod";
import { minutes, seconds } from "#core/duration.ts";
import { defineReport } from "#core/report.ts";
import { firstIdOf } from "./first-id.ts";

/** How soon the tenant's jobs are begun and ended, from the ledger. */
export const queueServiceLevels = defineReport({
  name: "queue-service-levels",
  title: "Queue service levels",
  summary:
    "Per job: how many were accepted and how they ended, how long they waited and ran, and how many ended in time.",
  version: 1,
  params: z.strictObject({
    hours: z.coerce.number().int().min(1).max(720).default(24).describe("Jobs accepted in the last so many hours."),
    targetMs: z.coerce
      .number()
      .int()
      .min(1)
      .max(86_400_000)
      .default(minutes(1))
      .describe("In time: completed within so many ms of being due."),
  }),
  columns: [
    { name: "queue", title: "Queue", type: "text" },
    { name: "job", title: "Job", type: "text" },
    { name: "accepted", title: "Accepted", type: "integer" },
    { name: "completed", title: "Completed", type: "integer" },
    { name: "dead", title: "Dead", type: "integer" },
    { name: "ended", title: "Cancelled or expired", type: "integer" },
    { name: "open", title: "Open", type: "integer" },
    { name: "waitP50Ms", title: "Wait, median", type: "milliseconds" },
    { name: "waitP95Ms", title: "Wait, p95", type: "milliseconds" },
    { name: "runP50Ms", title: "Run, median", type: "milliseconds" },
    { name: "runP95Ms", title: "Run, p95", type: "milliseconds" },
    { name: "inTimePercent", title: "In time", type: "percent" },
  ],
  chart: { kind: "bar", x: "job", y: ["waitP95Ms", "runP95Ms"] },
  ttlMs: minutes(5),
  tags: () => ["jobs"],
  async compute({ hours, targetMs }, { schema, asOf, query }) {
    const since = asOf.getTime() - hours * seconds(3_600);
    const ms = (interval: string) => `(extract(epoch from ${interval}) * 1000)::float8`;
    const quantile = (share: number, of: string) =>
      `round(percentile_cont(${share}) within group (order by ${of})::numeric, 1)::float8`;
    return query(
      `select queue, job, count(*)::int as accepted,
         count(*) filter (where state = 'completed')::int as completed,
         count(*) filter (where state = 'dead')::int as dead,
         count(*) filter (where state in ('cancelled', 'expired'))::int as ended,
         count(*) filter (where finished_at is null)::int as open,
         ${quantile(0.5, "wait_ms")} as "waitP50Ms", ${quantile(0.95, "wait_ms")} as "waitP95Ms",
         ${quantile(0.5, "run_ms")} as "runP50Ms", ${quantile(0.95, "run_ms")} as "runP95Ms",
         round(100.0 * count(*) filter (where state = 'completed' and took_ms <= $4)
           / nullif(count(*) filter (where state in ('completed', 'dead')), 0), 1)::float8 as "inTimePercent"
       from (
         select queue, job, state, finished_at,
           greatest(0, ${ms("coalesce((attempts -> 0 ->> 'startedAt')::timestamptz, started_at) - run_at")}) as wait_ms,
           case when state = 'completed' then ${ms("finished_at - started_at")} end as run_ms,
           ${ms("finished_at - run_at")} as took_ms
         from ${schema}.jobs where tenant = $1 and id >= $2::uuid and accepted_at >= $3) j
       group by queue, job order by queue, job`,
      [firstIdOf(since - minutes(1)), new Date(since), targetMs], // an id is made a moment before its job is accepted
    );
  },
});
