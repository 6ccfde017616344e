import type { Conversations } from "#core/ai.ts";
import type { ModelMessage } from "#core/ai-models.ts";
import type { SqlRunner } from "#core/sql.ts";
import type { Database } from "../../ledger/database.ts";

/** Sessions in Postgres, by tenant. A job adds its turn once, with its end. */
export class PostgresConversations implements Conversations {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async recent(tenant: string, sessionId: string, jobId: string, limit: number): Promise<readonly ModelMessage[]> {
    const { rows } = await this.#database.executeSql(
      `select role, content from ${this.#database.schema}.ai_messages
       where tenant = $1 and session_id = $2 and job_id <> $3 order by id desc limit $4`,
      [tenant, sessionId, jobId, limit],
    );
    return rows.reverse().map(({ role, content }) => ({ role, content }));
  }

  async add(turn: Parameters<Conversations["add"]>[0], within: SqlRunner): Promise<void> {
    await within.executeSql(
      `insert into ${this.#database.schema}.ai_messages (tenant, session_id, job_id, role, content)
       values ($1, $2, $3, 'user', $4), ($1, $2, $3, 'assistant', $5)
       on conflict on constraint ai_messages_once_per_job do nothing`,
      [turn.tenant, turn.sessionId, turn.jobId, turn.asked, turn.answered],
    );
  }
}
