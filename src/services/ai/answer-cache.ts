import type { AnswerCache, CacheLook } from "#core/ai.ts";
import type { PaidAnswer } from "#core/ai-calls.ts";
import { days, minutes } from "#core/duration.ts";
import { type AiMeter, silentMeters } from "#core/meters.ts";
import type { Database } from "../../ledger/database.ts";

/** How long an answer is good for. */
export const keptMs = days(1);
/** How long a leader is waited for. It outlives the longest call; a leader that died is replaced by its own retry before. */
const leadsMs = minutes(5);

/**
 * Answers by the hash of their request, in Postgres: they are as personal as the prompts, and those are nowhere else.
 * A row without an answer says who is asking at the moment. Every statement names the tenant.
 */
export class PostgresAnswerCache implements AnswerCache {
  readonly #database: Database;
  readonly #meter: AiMeter;

  constructor(database: Database, meter: AiMeter = silentMeters.ai) {
    this.#database = database;
    this.#meter = meter;
  }

  async look(tenant: string, key: string, jobId: string): Promise<CacheLook> {
    const look = await this.#look(tenant, key, jobId);
    this.#meter.cacheLook({ tenant, outcome: look.kind });
    return look;
  }

  async #look(tenant: string, key: string, jobId: string): Promise<CacheLook> {
    const { schema } = this.#database;
    // One statement decides: of two that ask at once, one inserts or takes over, the other one finds that it did.
    const { rows } = await this.#database.executeSql(
      `with led as (
         insert into ${schema}.ai_cache as c (tenant, key, leader, leads_until, expires_at)
         values ($1, $2, $3, now() + $4 * interval '1 millisecond', now() + $5 * interval '1 millisecond')
         on conflict (tenant, key) do update
           set leader = excluded.leader, leads_until = excluded.leads_until, expires_at = excluded.expires_at, answer = null
           where case when c.answer is null then c.leads_until < now() or c.leader = excluded.leader
             else c.expires_at < now() end
         returning 1
       )
       select exists (select from led) as leads,
         (select answer from ${schema}.ai_cache where tenant = $1 and key = $2 and expires_at >= now()) as answer`,
      [tenant, key, jobId, leadsMs, keptMs],
    );
    const { leads, answer } = rows[0]!;
    if (leads) return { kind: "lead" };
    return answer === null ? { kind: "wait" } : { kind: "hit", answer };
  }

  async put(tenant: string, key: string, jobId: string, answer: PaidAnswer): Promise<void> {
    await this.#database.executeSql(
      `update ${this.#database.schema}.ai_cache
       set answer = $4, leader = null, leads_until = null, expires_at = now() + $5 * interval '1 millisecond'
       where tenant = $1 and key = $2 and leader = $3`,
      [tenant, key, jobId, JSON.stringify(answer), keptMs],
    );
  }

  async abandon(tenant: string, key: string, jobId: string): Promise<void> {
    await this.#database.executeSql(
      `delete from ${this.#database.schema}.ai_cache where tenant = $1 and key = $2 and leader = $3`,
      [tenant, key, jobId],
    );
  }
}
