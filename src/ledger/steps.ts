import type { Database } from "./database.ts";

/** A finished step, about to be stored. */
export interface FinishedStep {
  readonly jobId: string;
  readonly lease: string;
  readonly name: string;
  /** The value as JSON; `null` when the step resolved with nothing. */
  readonly json: string | null;
  readonly attempt: number;
}

/** What `ctx.step` remembers: the values of finished steps, by job and name. */
export class Steps {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async of(jobId: string): Promise<ReadonlyMap<string, unknown>> {
    const { rows } = await this.#database.executeSql(
      `select name, value from ${this.#database.schema}.steps where job_id = $1`,
      [jobId],
    );
    return new Map(rows.map((row) => [row.name, row.value ?? undefined]));
  }

  /** Store a step while its lease holds the job. `false`: it does not, and nothing was written. */
  async save({ jobId, lease, name, json, attempt }: FinishedStep): Promise<boolean> {
    const { schema } = this.#database;
    const { rows } = await this.#database.executeSql(
      `with held as (
         update ${schema}.jobs set revision = revision + 1 where id = $1 and lease = $2 and state = 'running' returning id
       )
       insert into ${schema}.steps (job_id, name, value, attempt) select id, $3, $4::json, $5 from held returning job_id`,
      [jobId, lease, name, json, attempt],
    );
    return rows.length > 0;
  }
}
