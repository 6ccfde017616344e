import type { CallBook, CallEnd, CallFilter, JobCalls, NewCall, PaidAnswer, RecordedCall } from "#core/ai-calls.ts";
import { minutes } from "#core/duration.ts";
import { StoreUnavailable } from "#core/errors.ts";
import { type AiMeter, silentMeters } from "#core/meters.ts";
import type { SqlRow, SqlRunner } from "#core/sql.ts";
import { type Database, isConnectionError } from "../../ledger/database.ts";
import type { PostgresBudgets } from "./budget-ledger.ts";

/** Longer than any call, and than a lease: whoever made it is not about to tell what came of it. */
const lostAfterMs = minutes(5);

/**
 * The book of calls in Postgres. A call is `sent` from the commit before it is made; then `answered` (the answer is kept),
 * `failed` (nothing was charged: its reservation is given back), or `unknown` (it may have been charged for: its estimate
 * counts as spent). A call whose worker died stays `sent` until the job's next attempt calls it `unknown`.
 */
export class PostgresCallBook implements CallBook {
  readonly #database: Database;
  readonly #budgets: PostgresBudgets;
  readonly #meter: AiMeter;

  constructor(database: Database, budgets: PostgresBudgets, meter: AiMeter = silentMeters.ai) {
    this.#database = database;
    this.#budgets = budgets;
    this.#meter = meter;
  }

  async of(tenant: string, jobId: string, attempt: number): Promise<JobCalls> {
    if (attempt === 1) return { answers: new Map(), committedMicros: 0 };
    const { schema } = this.#database;
    const { rows: lost } = await this.#database.executeSql(
      `select id from ${schema}.ai_calls where tenant = $1 and job_id = $2 and state = 'sent' and attempt < $3`,
      [tenant, jobId, attempt],
    );
    for (const { id } of lost)
      await this.end({ id, tenant }, { state: "unknown", errorCode: "attempt_lost", durationMs: 0 });
    const { rows } = await this.#database.executeSql(
      `select c.step, a.answer, coalesce(c.cost_micros, c.estimate_micros) as micros
       from ${schema}.ai_calls c left join ${schema}.ai_answers a on a.call_id = c.id
       where c.tenant = $1 and c.job_id = $2 and c.state <> 'failed' order by c.id`,
      [tenant, jobId],
    );
    const answered = rows.filter((row) => row.answer !== null);
    return {
      answers: new Map(answered.map((row) => [row.step, row.answer as PaidAnswer])),
      committedMicros: rows.reduce((sum, row) => sum + Number(row.micros), 0),
    };
  }

  async open(call: NewCall, within: SqlRunner): Promise<void> {
    const { id, tenant, jobId, step, attempt, userId, purpose, provider, model, estimateMicros, priceFrom } = call;
    const charges = await this.#budgets.reserve(call, estimateMicros, within);
    await within.executeSql(
      `insert into ${this.#database.schema}.ai_calls
         (id, tenant, job_id, step, attempt, user_id, purpose, provider, model, estimate_micros, price_from, charges)
       values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`,
      [
        ...[id, tenant, jobId, step, attempt, userId ?? null, purpose, provider, model, estimateMicros, priceFrom],
        JSON.stringify(charges),
      ],
    );
  }

  async end({ id, tenant }: Pick<NewCall, "id" | "tenant">, end: CallEnd): Promise<void> {
    const answer = end.state === "answered" ? end.answer : null;
    const usage = answer?.usage;
    const { schema } = this.#database;
    const { rows } = await reach(() =>
      this.#database.executeSql(
        // $4 cost; for `unknown` the estimate is taken as spent. The rows of ai_spend are locked in the order of their key.
        `with call as (
           select id, tenant, charges, estimate_micros, state as before,
             case $3 when 'unknown' then estimate_micros else coalesce($4::bigint, 0) end as spent
           from ${schema}.ai_calls
           where id = $1 and tenant = $2 and (state = 'sent' or (state = 'unknown' and $3 = 'answered')) for update
         ), written as (
           update ${schema}.ai_calls c set state = $3, ended_at = now(), duration_ms = $5, error_code = $6,
             cost_micros = case $3 when 'unknown' then null else coalesce($4, 0) end, answered_by = $7,
             input_tokens = $8, cached_input_tokens = $9, output_tokens = $10, reasoning_tokens = $11
           from call where c.id = call.id returning c.id, c.provider, c.model, call.spent::float8 as spent
         ), kept as (
           insert into ${schema}.ai_answers (call_id, answer) select id, $12::jsonb from written where $12::jsonb is not null
         ), locked as (
           select s.scope, s.subject, s.period, s.starts_on, call.spent, call.estimate_micros, call.before
           from call cross join lateral jsonb_to_recordset(call.charges)
             as k (scope text, subject text, period text, starts_on date)
           join ${schema}.ai_spend s on s.tenant = call.tenant and s.scope = k.scope and s.subject = k.subject
             and s.period = k.period and s.starts_on = k.starts_on
           order by s.scope, s.subject, s.period for update of s
         ), settled as (
           update ${schema}.ai_spend s
           set reserved_micros = s.reserved_micros - case k.before when 'sent' then k.estimate_micros else 0 end,
             spent_micros = s.spent_micros + k.spent - case k.before when 'unknown' then k.estimate_micros else 0 end
           from locked k
           where s.tenant = $2 and s.scope = k.scope and s.subject = k.subject and s.period = k.period
             and s.starts_on = k.starts_on
         )
         select provider, model, spent from written`,
        [
          ...[id, tenant, end.state, answer?.costMicros ?? null, Math.round(end.durationMs)],
          ...[end.state === "answered" ? null : end.errorCode, answer?.model ?? null],
          ...[usage?.inputTokens ?? null, usage?.cachedInputTokens ?? null],
          ...[usage?.outputTokens ?? null, usage?.reasoningTokens ?? null],
          answer && JSON.stringify(answer),
        ],
      ),
    );
    for (const { provider, model, spent: costMicros } of rows)
      this.#meter.call({
        ...{ tenant, provider, model, costMicros },
        ...{ outcome: end.state, usage: usage ?? null, durationMs: end.durationMs },
      });
  }

  async giveUpLost(tenant: string): Promise<number> {
    const { schema } = this.#database;
    const { rows } = await this.#database.executeSql(
      `select c.id from ${schema}.ai_calls c
       where c.tenant = $1 and c.state = 'sent' and c.started_at < now() - $2 * interval '1 millisecond'
         and not exists (select from ${schema}.jobs j where j.id = c.job_id and j.state = 'running' and j.attempt = c.attempt)
       order by c.id limit 100`,
      [tenant, lostAfterMs],
    );
    for (const { id } of rows)
      await this.end({ id, tenant }, { state: "unknown", errorCode: "attempt_lost", durationMs: 0 });
    return rows.length;
  }

  async list({ tenant, state, jobId, before, limit }: CallFilter): Promise<readonly RecordedCall[]> {
    const { schema } = this.#database;
    const { rows } = await this.#database.executeSql(
      `select * from (
         select c.*, case when c.state = 'sent' and not exists (select from ${schema}.jobs j
           where j.id = c.job_id and j.state = 'running' and j.attempt = c.attempt) then 'unknown' else c.state end as shown
         from ${schema}.ai_calls c
         where c.tenant = $1 and ($3::uuid is null or c.job_id = $3) and ($4::uuid is null or c.id < $4)
           and ($2::text is null or c.state = $2 or (c.state = 'sent' and $2 = 'unknown'))
       ) listed where $2::text is null or shown = $2 order by id desc limit $5`,
      [tenant, state ?? null, jobId ?? null, before ?? null, limit],
    );
    return rows.map(toRecorded);
  }
}

/** A settle is worth another try while Postgres is away: the caller is told so in the word the worker knows. */
async function reach<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw isConnectionError(error) ? new StoreUnavailable("postgres", error) : error;
  }
}

function toRecorded(row: SqlRow): RecordedCall {
  return {
    id: row.id,
    jobId: row.job_id,
    step: row.step,
    attempt: row.attempt,
    provider: row.provider,
    model: row.answered_by ?? row.model,
    purpose: row.purpose,
    state: row.shown,
    estimateMicros: Number(row.estimate_micros),
    costMicros: row.cost_micros === null ? null : Number(row.cost_micros),
    inputTokens: row.input_tokens,
    outputTokens: row.output_tokens,
    errorCode: row.error_code,
    startedAt: row.started_at.toISOString(),
    durationMs: row.duration_ms,
  };
}
