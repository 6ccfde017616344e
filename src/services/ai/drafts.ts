import type { Draft, Drafts } from "#core/ai.ts";
import type { Database } from "../../ledger/database.ts";

/**
 * Answers on their way, in an unlogged table: a crash of Postgres may forget them, the answer itself not. Whoever follows the
 * job hears of each write by a notification that names the job alone. A draft goes with its job.
 */
export class PostgresDrafts implements Drafts {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async write(tenant: string, jobId: string, { run, text }: Draft): Promise<void> {
    const { schema } = this.#database;
    await this.#database.executeSql(
      `with written as (
         insert into ${schema}.ai_drafts as d (job_id, tenant, run, text) values ($2, $1, $3, $4)
         on conflict (job_id) do update set run = excluded.run, text = excluded.text where d.tenant = excluded.tenant
         returning job_id
       ) select pg_notify('${schema}_drafts', job_id::text) from written`,
      [tenant, jobId, run, text],
    );
  }

  async read(tenant: string, jobId: string): Promise<Draft | null> {
    const { rows } = await this.#database.executeSql(
      `select run, text from ${this.#database.schema}.ai_drafts where tenant = $1 and job_id = $2`,
      [tenant, jobId],
    );
    return rows[0] ? { run: rows[0].run, text: rows[0].text } : null;
  }
}
