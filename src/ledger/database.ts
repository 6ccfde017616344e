import pg from "pg";
import type { Log } from "#core/handler.ts";
import type { SqlRow } from "#core/sql.ts";

/**
 * The group statements always reach rows by primary key. On a table that grows and shrinks by the second the planner's
 * statistics are stale, and it then reads the whole backlog instead (measured: 2 ms instead of 0.5 ms for a group of 50
 * among 5,000, growing with the backlog).
 */
const hotSettings = "set enable_seqscan = off; set enable_hashjoin = off; set enable_mergejoin = off; set jit = off";

const schemaPattern = /^[a-z_][a-z0-9_]{0,40}$/;

/**
 * The connection pool and the name of our schema. All statements name the schema themselves, so that they also work in
 * a caller's transaction and behind a pooler that forgets session settings.
 */
export class Database {
  readonly pool: pg.Pool;
  readonly connectionString: string;
  /** Safe to put into a statement: checked against a pattern that needs no quoting. */
  readonly schema: string;
  readonly #hot: pg.Pool;

  constructor(options: { connectionString: string; schema?: string; max?: number; name?: string; log: Log }) {
    this.schema = options.schema ?? "nightshift";
    if (!schemaPattern.test(this.schema))
      throw new RangeError(`Expected a schema name matching ${schemaPattern}, found "${this.schema}"`);
    this.connectionString = options.connectionString;
    const connection = {
      connectionString: options.connectionString,
      application_name: options.name ?? "nightshift",
      connectionTimeoutMillis: 5_000,
      keepAlive: true,
    };
    this.pool = new pg.Pool({ ...connection, max: options.max ?? 10 });
    this.#hot = new pg.Pool({ ...connection, max: 6, onConnect: (client) => client.query(hotSettings) });
    // An idle client whose server went away emits here; without a listener it would end the process.
    for (const pool of [this.pool, this.#hot])
      pool.on("error", (error) => options.log.warn({ error: error.message }, "postgres.connection_lost"));
  }

  async executeSql(text: string, values?: unknown[]): Promise<{ rows: SqlRow[] }> {
    return this.pool.query(text, values);
  }

  /** Run one of the ledger's group statements, prepared once per connection, on connections set up for them. */
  hot(name: string, text: string, values: unknown[]): Promise<pg.QueryResult> {
    return this.#hot.query({ name, text, values });
  }

  async transaction<T>(work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
    const client = await this.pool.connect();
    let broken: Error | undefined;
    try {
      await client.query("begin");
      const result = await work(client);
      await client.query("commit");
      return result;
    } catch (error) {
      await client.query("rollback").catch((rollbackError: Error) => {
        broken = rollbackError; // the connection is of no use any more: do not hand it to the next caller
      });
      throw error;
    } finally {
      client.release(broken);
    }
  }

  async stop(): Promise<void> {
    for (const pool of [this.#hot, this.pool]) if (!pool.ended) await pool.end();
  }
}

/** SQLSTATE classes 22 (bad data) and 23 (constraint): the fault of a row, not of the connection. */
export function isRowError(error: unknown): boolean {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === "string" && /^2[23]/.test(code);
}

/** True when Postgres could not be reached or went away, so that the caller may try again later. */
export function isConnectionError(error: unknown): boolean {
  const { code, message } = (error ?? {}) as { code?: unknown; message?: unknown };
  if (typeof code === "string") {
    if (/^(ECONN|EPIPE|ETIMEDOUT|ENOTFOUND|EHOSTUNREACH)/.test(code)) return true;
    return /^(08|57P0[123]|53300)/.test(code); // connection exceptions, shutdown or starting up, too many connections
  }
  return typeof message === "string" && /Connection terminated|timeout exceeded when trying to connect/i.test(message);
}
