import { z } from "zod";
import { days, minutes } from "#core/duration.ts";
import { defineReport } from "#core/report.ts";
import { firstIdOf } from "./first-id.ts";
import { checkPeriod, period } from "./params.ts";

/** A call has its id a moment before Postgres has its row, by another clock. */
const margin = minutes(5);

/** What a tenant's AI calls came to, from the book of calls, the results of the jobs, and what was charged to the budgets. */
export const aiUsage = defineReport({
  name: "ai-usage",
  title: "AI usage and cost",
  summary:
    "Calls to model providers, tokens and cost by day (UTC), purpose, provider and model, with what came from the cache, what " +
    "was answered by rules, and how far the budgets of the day were used. Cost is in micros, millionths of a dollar.",
  version: 1,
  params: z
    .strictObject({
      ...period,
      purpose: z
        .string()
        .regex(/^[a-z0-9][a-z0-9._-]{0,62}$/)
        .optional()
        .describe("Only of this feature."),
    })
    .superRefine(checkPeriod),
  columns: [
    { name: "day", title: "Day", type: "date" },
    { name: "purpose", title: "Purpose", type: "text" },
    { name: "provider", title: "Provider", type: "text" },
    { name: "model", title: "Model", type: "text" },
    { name: "calls", title: "Calls", type: "integer" },
    { name: "answered", title: "Answers", type: "integer" },
    { name: "failed", title: "Failed", type: "integer" },
    { name: "unknown", title: "Unknown", type: "integer" },
    { name: "inputTokens", title: "Tokens in", type: "integer" },
    { name: "cachedInputTokens", title: "Cached", type: "integer" },
    { name: "outputTokens", title: "Tokens out", type: "integer" },
    { name: "costMicros", title: "Cost, micros", type: "integer" },
    { name: "cacheHits", title: "Cache hits", type: "integer" },
    { name: "degraded", title: "Rules", type: "integer" },
    { name: "purposeBudgetPercent", title: "Purpose budget", type: "percent" },
    { name: "tenantBudgetPercent", title: "Tenant budget", type: "percent" },
  ],
  chart: { kind: "bar", x: "day", y: ["costMicros"], series: "model" },
  ttlMs: minutes(5),
  tags: () => ["ai"],
  async compute({ from, to, purpose }, { schema, query }) {
    // A call counts on the day it was made, as in the budgets; one whose end is not known, or that is on its way, with its
    // estimate. What bought nothing is in the results of the jobs alone, for as long as those are kept.
    return query(
      `with calls as (
         select (started_at at time zone 'UTC')::date as day, purpose, provider, coalesce(answered_by, model) as model,
           count(*) as calls, count(*) filter (where state = 'answered') as answered,
           count(*) filter (where state = 'failed') as failed, count(*) filter (where state = 'unknown') as unknown,
           sum(input_tokens) as input, sum(cached_input_tokens) as cached, sum(output_tokens) as output,
           sum(case when state in ('sent', 'unknown') then estimate_micros else cost_micros end) as cost,
           0 as hits, 0 as degraded
         from ${schema}.ai_calls
         where tenant = $1 and id >= $5::uuid and id < $6::uuid and started_at >= $2::date::timestamp at time zone 'UTC'
           and started_at < ($3::date + 1)::timestamp at time zone 'UTC'
         group by 1, 2, 3, 4
       ), answers as (
         select (finished_at at time zone 'UTC')::date as day, coalesce(payload ->> 'purpose', 'general') as purpose,
           result ->> 'provider' as provider, result ->> 'model' as model, 0, 0, 0, 0, 0, 0, 0, 0,
           count(*) filter (where result ->> 'cached' = 'true'), count(*) filter (where result ->> 'degraded' = 'true')
         from ${schema}.jobs
         where tenant = $1 and queue = 'ai' and job in ('ai.respond', 'ai.extract') and state = 'completed'
           and finished_at >= $2::date::timestamp at time zone 'UTC'
           and finished_at < ($3::date + 1)::timestamp at time zone 'UTC'
           and (result ->> 'cached' = 'true' or result ->> 'degraded' = 'true')
         group by 1, 2, 3, 4
       ), lines as (select * from calls union all select * from answers), used as (
         select starts_on as day, scope, subject,
           round(100.0 * (spent_micros + reserved_micros) / nullif(hard_micros, 0), 1)::float8 as percent
         from ${schema}.ai_spend where tenant = $1 and period = 'day' and starts_on between $2::date and $3::date
       )
       select to_char(l.day, 'YYYY-MM-DD') as day, l.purpose, l.provider, l.model, sum(calls)::float8 as calls,
         sum(answered)::float8 as answered, sum(failed)::float8 as failed, sum(unknown)::float8 as unknown,
         coalesce(sum(input), 0)::float8 as "inputTokens", coalesce(sum(cached), 0)::float8 as "cachedInputTokens",
         coalesce(sum(output), 0)::float8 as "outputTokens", coalesce(sum(cost), 0)::float8 as "costMicros",
         sum(hits)::float8 as "cacheHits", sum(l.degraded)::float8 as degraded,
         f.percent as "purposeBudgetPercent", t.percent as "tenantBudgetPercent"
       from lines l
       left join used f on f.day = l.day and f.scope = 'feature' and f.subject = l.purpose
       left join used t on t.day = l.day and t.scope = 'tenant'
       where $4::text is null or l.purpose = $4
       group by l.day, l.purpose, l.provider, l.model, f.percent, t.percent
       order by l.day, l.purpose, l.provider, l.model`,
      [from, to, purpose ?? null, firstIdOf(Date.parse(from) - margin), firstIdOf(Date.parse(to) + days(1) + margin)],
    );
  },
});
