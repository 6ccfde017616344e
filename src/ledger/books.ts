import type { SqlRow } from "#core/sql.ts";
import type { Database } from "./database.ts";

/** What became of the jobs that one tenant handed to one queue, since the books began. */
export interface BookLine {
  readonly queue: string;
  readonly tenant: string;
  readonly accepted: number;
  readonly completed: number;
  readonly dead: number;
  readonly cancelled: number;
  readonly expired: number;
  /** Rows that are open now, counted. */
  readonly open: number;
  /** accepted − completed − dead − cancelled − expired − open. Not 0: jobs vanished, or ended (or began) without being booked. */
  readonly missing: number;
}

/**
 * Double-entry for the ledger. Every statement that accepts jobs or ends them writes, in the same commit, how many it
 * booked to whom; what is open is counted from the rows. The two are independent: a row that is deleted, restored from an
 * older backup, or changed by a statement that forgot to book leaves a difference. Rows that end stay booked when they are
 * pruned. Only open rows are counted, so that a check costs as much as there is open.
 */
export class Books {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** Every line, read in one snapshot: while jobs come and go it is still exact. */
  async read(): Promise<readonly BookLine[]> {
    const { schema } = this.#database;
    const { rows } = await this.#database.executeSql(`
      with booked as (
        select queue, tenant, sum(accepted) as accepted, sum(completed) as completed, sum(dead) as dead,
          sum(cancelled) as cancelled, sum(expired) as expired
        from ${schema}.books group by queue, tenant
      ), counted as (
        select queue, tenant, count(*) as open from ${schema}.jobs where finished_at is null group by queue, tenant
      )
      select queue, tenant, coalesce(accepted, 0)::float8 as accepted, coalesce(completed, 0)::float8 as completed,
        coalesce(dead, 0)::float8 as dead, coalesce(cancelled, 0)::float8 as cancelled,
        coalesce(expired, 0)::float8 as expired, coalesce(open, 0)::float8 as open
      from booked full join counted using (queue, tenant) order by queue, tenant`);
    return rows.map(toLine);
  }

  /** Add up what connections that are gone have booked. Safe to run at any time, by any number of processes. */
  async fold(): Promise<void> {
    const { schema } = this.#database;
    await this.#database.executeSql(`
      with gone as (
        delete from ${schema}.books where shard <> 0 and shard not in (select pid from pg_stat_activity) returning *
      )
      insert into ${schema}.books as b
      select queue, tenant, 0, sum(accepted), sum(completed), sum(dead), sum(cancelled), sum(expired)
      from gone group by queue, tenant order by queue, tenant
      on conflict (queue, tenant, shard) do update set accepted = b.accepted + excluded.accepted,
        completed = b.completed + excluded.completed, dead = b.dead + excluded.dead,
        cancelled = b.cancelled + excluded.cancelled, expired = b.expired + excluded.expired`);
  }
}

function toLine(row: SqlRow): BookLine {
  const { queue, tenant, accepted, completed, dead, cancelled, expired, open } = row;
  const missing = accepted - completed - dead - cancelled - expired - open;
  return { queue, tenant, accepted, completed, dead, cancelled, expired, open, missing };
}
