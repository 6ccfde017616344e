import pg from "pg";
import { seconds } from "#core/duration.ts";
import { StoreUnavailable } from "#core/errors.ts";
import type { Log } from "#core/handler.ts";
import type { SqlRow } from "#core/sql.ts";

/** How long callers wait for a Postgres that hangs. One that refuses is noticed at once. */
export interface Patience {
  /** For a connection, be it a new one or a free one of the pool. */
  readonly connectMs: number;
  /** For one of the ledger's group statements. Postgres itself gives a statement up at 4/5 of this, so that most ends are known. */
  readonly groupMs: number;
  /** For any other statement. */
  readonly statementMs: number;
  /** How long an accept whose end is not known is looked after before its caller is told 503. */
  readonly acceptMs: number;
}

export const defaultPatience: Patience = {
  connectMs: seconds(5),
  groupMs: seconds(4),
  statementMs: seconds(60),
  acceptMs: seconds(3),
};

/** Where people and load balancers wait for the answer. */
export const impatient: Partial<Patience> = { connectMs: seconds(3), statementMs: seconds(5) };

/** Callers beyond these would only wait to be told the same: they are told at once. */
const maxWaiting = 5_000;

/**
 * The group statements always reach rows by primary key. On a table that grows and shrinks by the second the planner's
 * statistics are stale, and it then reads the whole backlog instead (measured: 2 ms instead of 0.5 ms for a group of 50
 * among 5,000, growing with the backlog).
 */
const hotSettings = "set enable_seqscan = off; set enable_hashjoin = off; set enable_mergejoin = off; set jit = off";

const schemaPattern = /^[a-z_][a-z0-9_]{0,40}$/;

/**
 * The connection pool and the name of our schema. All statements name the schema themselves, so that they also work in
 * a caller's transaction and behind a pooler that forgets session settings. No wait is without an end: a Postgres that
 * hangs becomes a connection error, and the connection that hung is dropped.
 */
export class Database {
  readonly pool: pg.Pool;
  readonly connectionString: string;
  /** Safe to put into a statement: checked against a pattern that needs no quoting. */
  readonly schema: string;
  readonly patience: Patience;
  readonly #hot: pg.Pool;

  constructor(options: {
    connectionString: string;
    schema?: string;
    max?: number;
    name?: string;
    patience?: Partial<Patience>;
    log: Log;
  }) {
    this.schema = options.schema ?? "nightshift";
    if (!schemaPattern.test(this.schema))
      throw new RangeError(`Expected a schema name matching ${schemaPattern}, found "${this.schema}"`);
    this.connectionString = options.connectionString;
    this.patience = { ...defaultPatience, ...options.patience };
    const connection = {
      connectionString: options.connectionString,
      application_name: options.name ?? "nightshift",
      connectionTimeoutMillis: this.patience.connectMs,
      keepAlive: true,
    };
    this.pool = new pg.Pool({ ...connection, max: options.max ?? 10, query_timeout: this.patience.statementMs });
    const settings = `${hotSettings}; set statement_timeout = ${Math.ceil(this.patience.groupMs * 0.8)}`;
    this.#hot = new pg.Pool({
      ...connection,
      max: 6,
      query_timeout: this.patience.groupMs,
      onConnect: (client) => client.query(settings),
    });
    // An idle client whose server went away emits here; without a listener it would end the process.
    for (const pool of [this.pool, this.#hot])
      pool.on("error", (error) => options.log.warn({ error: error.message }, "postgres.connection_lost"));
  }

  async executeSql(text: string, values?: unknown[]): Promise<{ rows: SqlRow[] }> {
    return this.#ask(this.pool, { text, values: values ?? [] });
  }

  /** Run one of the ledger's group statements, prepared once per connection, on connections set up for them. */
  hot(name: string, text: string, values: unknown[]): Promise<pg.QueryResult> {
    return this.#ask(this.#hot, { name, text, values });
  }

  /** Commit what `work` did, or nothing of it. Rejects with what `work` threw. */
  async transaction<T>(work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
    const { client, free } = await this.#borrow(this.pool);
    let broken: Error | undefined;
    try {
      await client.query("begin");
      const result = await work(client);
      await client.query("commit");
      return result;
    } catch (error) {
      if (isConnectionError(error)) broken = error as Error;
      else
        await client.query("rollback").catch((rollbackError: Error) => {
          broken = rollbackError; // the connection is of no use any more: do not hand it to the next caller
        });
      throw error;
    } finally {
      free(broken);
    }
  }

  async stop(): Promise<void> {
    for (const pool of [this.#hot, this.pool]) if (!pool.ended) await pool.end();
  }

  async #ask(pool: pg.Pool, query: pg.QueryConfig): Promise<pg.QueryResult> {
    const { client, free } = await this.#borrow(pool);
    let broken: Error | undefined;
    try {
      return await client.query(query);
    } catch (error) {
      if (isConnectionError(error)) broken = error as Error;
      throw error;
    } finally {
      free(broken);
    }
  }

  /** A connection, and how to give it back. Rejects with NotReached when there is none to be had. */
  async #borrow(pool: pg.Pool): Promise<{ client: pg.PoolClient; free: (broken: Error | undefined) => void }> {
    if (pool.waitingCount >= maxWaiting) throw new NotReached(new Error(`${maxWaiting} callers wait already`));
    const client = await pool.connect().catch((error: unknown) => {
      throw isConnectionError(error) ? new NotReached(error) : error;
    });
    let lost: Error | undefined;
    const onLost = (error: Error) => {
      lost = error; // without a listener, a connection that breaks while it is lent ends the process
    };
    client.on("error", onLost);
    return {
      client,
      free: (broken) => {
        client.off("error", onLost);
        client.release(broken ?? lost);
      },
    };
  }
}

/** No connection was to be had: nothing of the statement has reached Postgres. */
export class NotReached extends Error {
  readonly code = "08001"; // SQLSTATE: unable to establish connection

  constructor(cause: unknown) {
    super("Expected a connection to Postgres, got none", { cause });
    this.name = "NotReached";
  }
}

/** SQLSTATE classes 22 (bad data) and 23 (constraint): the fault of a row, not of the connection. */
export function isRowError(error: unknown): boolean {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === "string" && /^2[23]/.test(code);
}

/** True when Postgres could not be reached, went away or hung, so that the caller may try again later. */
export function isConnectionError(error: unknown): boolean {
  const { code, message } = (error ?? {}) as { code?: unknown; message?: unknown };
  if (typeof code === "string") {
    if (/^(ECONN|EPIPE|ETIMEDOUT|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH)/.test(code)) return true;
    // connection exceptions; a statement given up by timeout or as a deadlock; shutdown, crash or starting up; too many
    // connections
    return /^(08|57014|40P01|57P0[123]|53300)/.test(code);
  }
  return (
    typeof message === "string" &&
    /Connection terminated|timeout exceeded when trying to connect|Query read timeout|not queryable/i.test(message)
  );
}

/** True when one statement took too long (waiting for a lock, say) or was one of a deadlock: Postgres gave it up, and is well. */
export function isTimeout(error: unknown): boolean {
  const cause = error instanceof StoreUnavailable ? error.cause : error;
  const { code } = (cause ?? {}) as { code?: unknown };
  return code === "57014" || code === "40P01";
}

/** True when the statement may have been committed although its caller was not told. */
export function mayHaveCommitted(error: unknown): boolean {
  const cause = error instanceof StoreUnavailable ? error.cause : error;
  return isConnectionError(cause) && !(cause instanceof NotReached) && !isTimeout(cause);
}
