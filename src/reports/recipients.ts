import type { Recipient, Recipients } from "#core/report-delivery.ts";
import type { SqlRow, SqlRunner } from "#core/sql.ts";
import type { Database } from "../ledger/database.ts";

/** Whom reports are mailed to, in Postgres: the one place with their addresses. Every statement names the tenant. */
export class ReportRecipients implements Recipients {
  readonly #database: Database;
  readonly #table: string;

  constructor(database: Database) {
    this.#database = database;
    this.#table = `${database.schema}.report_recipients`;
  }

  async find(
    tenant: string,
    ids: readonly string[],
    within: SqlRunner = this.#database,
  ): Promise<readonly Recipient[]> {
    const { rows } = await within.executeSql(
      `select id, name, email from ${this.#table} where tenant = $1 and id = any($2)`,
      [tenant, ids],
    );
    return rows.map(toRecipient);
  }

  /** By id, those after `after`. */
  async list(tenant: string, { after, limit }: { after: string; limit: number }): Promise<readonly Recipient[]> {
    const { rows } = await this.#database.executeSql(
      `select id, name, email from ${this.#table}
       where tenant = $1 and id collate "C" > $2 order by id collate "C" limit $3`,
      [tenant, after, limit],
    );
    return rows.map(toRecipient);
  }

  /** Made or replaced. `true`: made. */
  async put(tenant: string, { id, name, email }: Recipient): Promise<boolean> {
    const { rows } = await this.#database.executeSql(
      `insert into ${this.#table} as r (tenant, id, name, email) values ($1, $2, $3, $4)
       on conflict (tenant, id) do update set name = excluded.name, email = excluded.email, updated_at = now()
       returning xmax = 0 as made`,
      [tenant, id, name, email],
    );
    return rows[0]!.made;
  }

  /** Their address is erased. Jobs and schedules that name them find nobody. Safe to repeat. */
  async remove(tenant: string, id: string): Promise<void> {
    await this.#database.executeSql(`delete from ${this.#table} where tenant = $1 and id = $2`, [tenant, id]);
  }
}

function toRecipient({ id, name, email }: SqlRow): Recipient {
  return { id, name, email };
}
