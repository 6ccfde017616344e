import pg from "pg";
import type { Db, PgBoss } from "pg-boss";

/** Runs statements inside one transaction; goes into the `db` option that every pg-boss call takes. */
export type Transaction = Db;

type Listening = Awaited<ReturnType<NonNullable<Db["listen"]>>>;

/**
 * The connections of one `PostgresEngine`, handed to pg-boss as its `db` (a documented extension point), so that its
 * statements and ours share a pool and can share a transaction. Also hears pg-boss's notifications: pg-boss passes them
 * only to its own workers, and ours is another loop.
 */
export class BossDatabase implements Db {
  readonly #pool: pg.Pool;
  readonly #config: pg.ClientConfig;
  readonly #onError: (error: Error) => void;
  readonly #sleepers = new Map<string, Set<() => void>>();
  #channel: string | null = null;
  #listener: pg.Client | null = null;
  #reconnect: NodeJS.Timeout | undefined;

  constructor(options: {
    connectionString: string;
    name: string;
    connections: number;
    onError: (error: Error) => void;
  }) {
    this.#onError = options.onError;
    this.#config = {
      connectionString: options.connectionString,
      application_name: options.name,
      connectionTimeoutMillis: 10_000,
      keepAlive: true,
    };
    // A Postgres that hangs is an error, not a wait without an end.
    this.#pool = new pg.Pool({ ...this.#config, max: options.connections, query_timeout: 30_000 });
    this.#pool.on("error", options.onError); // an idle connection broke; the pool replaces it
  }

  executeSql(text: string, values?: unknown[]): Promise<pg.QueryResult> {
    return this.#pool.query(text, values);
  }

  /** Commit what `work` did, or nothing of it. Rejects with what `work` threw. */
  async transaction<T>(work: (tx: Transaction) => Promise<T>): Promise<T> {
    const client = await this.#pool.connect();
    let broken: Error | undefined;
    const onBreak = (error: Error) => {
      broken = error; // without a listener, a connection that breaks while checked out ends the process
    };
    client.on("error", onBreak);
    try {
      await client.query("BEGIN");
      const result = await work({ executeSql: (text, values) => client.query(text, values) });
      await client.query("COMMIT");
      return result;
    } catch (error) {
      await client.query("ROLLBACK").catch((failure: Error) => {
        broken ??= failure;
      });
      throw error;
    } finally {
      client.off("error", onBreak);
      client.release(broken); // with an error: the pool drops the connection instead of lending it again
    }
  }

  /** Called by pg-boss's start with its channel. The connection waits for the first consumer: see `onDispatch`. */
  async listen(channel: string): Promise<Listening> {
    this.#channel = channel;
    return { close: async () => this.#hangUp() };
  }

  /**
   * Call `wake` whenever a job that is due arrives in the queue, until the returned function is called. A hint, not a
   * promise: nothing is heard while the connection is down or behind a transaction-mode pooler, and a job that becomes
   * due later never notifies. Whoever sleeps on it must poll as well.
   */
  async onDispatch(queue: string, wake: () => void): Promise<() => void> {
    const sleepers = this.#sleepers.get(queue) ?? new Set();
    this.#sleepers.set(queue, sleepers.add(wake));
    await this.#connect();
    return () => {
      sleepers.delete(wake);
      if ([...this.#sleepers.values()].every((set) => set.size === 0)) this.#hangUp();
    };
  }

  async close(): Promise<void> {
    this.#hangUp();
    if (!this.#pool.ended && !this.#pool.ending) await this.#pool.end();
  }

  async #connect(): Promise<void> {
    clearTimeout(this.#reconnect);
    if (!this.#channel || this.#listener) return;
    const client = new pg.Client(this.#config);
    this.#listener = client;
    client.on("notification", ({ payload }) => this.#wake(payload));
    client.on("error", (error) => this.#reconnectFrom(client, error));
    client.on("end", () => this.#reconnectFrom(client, new Error("The listening connection ended")));
    try {
      await client.connect();
      await client.query(`LISTEN ${pg.escapeIdentifier(this.#channel)}`);
      this.#wake(undefined); // whatever was notified before this line was not heard
    } catch (error) {
      this.#reconnectFrom(client, error as Error);
    }
  }

  #reconnectFrom(client: pg.Client, error: Error): void {
    if (this.#listener !== client) return; // already replaced, or hung up on purpose
    this.#onError(error);
    this.#hangUp();
    this.#reconnect = setTimeout(() => void this.#connect(), 2_000);
    this.#reconnect.unref();
  }

  #hangUp(): void {
    clearTimeout(this.#reconnect);
    const client = this.#listener;
    this.#listener = null;
    client?.end().catch(() => {}); // it may never have connected
  }

  #wake(queue: string | undefined): void {
    for (const [name, sleepers] of this.#sleepers)
      if (queue === undefined || queue === name) for (const wake of sleepers) wake();
  }
}

/** How many rows a pg-boss command touched: documented, but not in its types. */
export function affected(response: Awaited<ReturnType<PgBoss["complete"]>>): number {
  return (response as { affected: number }).affected;
}
