import type { SqlRunner } from "#core/sql.ts";
import type { Database } from "../ledger/database.ts";

/** Something a person did. Names and ids only: nothing of a payload. */
export interface Deed {
  /** The key that acted; `code` for what a release declares, `scheduler` for what it finds. */
  readonly actor: string;
  /** `noun.verb`, e.g. `queue.pause`. */
  readonly action: string;
  /** `queue/<name>`, `job/<id>`, `schedule/<name>`, or `session`. */
  readonly subject: string;
  /** Whose job it is; `*` for what concerns all. */
  readonly tenant?: string;
  readonly details?: Readonly<Record<string, unknown>>;
}

/**
 * Who did what. A deed is written down before it is done, so that none goes unrecorded; how it ended is added afterwards,
 * and a row without an ending is one whose process died in between. A deed that is a change of rows alone is written in the
 * transaction that makes it, and needs no ending.
 */
export class Audit {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** Rejects when it cannot be written: then it is not to be done. */
  async record(
    { actor, action, subject, tenant = "*", details = {} }: Deed,
    runner: SqlRunner = this.#database,
  ): Promise<string> {
    const { rows } = await runner.executeSql(
      `insert into ${this.#database.schema}.audit (tenant, actor, action, subject, details) values ($1, $2, $3, $4, $5)
       returning id`,
      [tenant, actor, action, subject, JSON.stringify(details)],
    );
    return rows[0]!.id;
  }

  /** Add how it ended. */
  async conclude(id: string, details: Readonly<Record<string, unknown>>): Promise<void> {
    await this.#database.executeSql(
      `update ${this.#database.schema}.audit set details = details || $2::jsonb where id = $1`,
      [id, JSON.stringify(details)],
    );
  }
}
