import type pg from "pg";
import type { SqlRow } from "#core/sql.ts";
import { Database } from "../../../src/ledger/database.ts";

/** One way to break the ledger: a piece of its SQL, wherever it stands, and what stands there instead. */
export interface Mutation {
  readonly name: string;
  readonly find: string | RegExp;
  readonly put: string;
}

/** A Database whose statements can be broken on their way to Postgres. Without a mutation it is like any other. */
export class MutableDatabase extends Database {
  #mutation: Mutation | null = null;
  #version = 0;
  /** How many statements the present mutation has changed. */
  hits = 0;

  mutate(mutation: Mutation | null): void {
    this.#mutation = mutation;
    this.#version += 1;
    this.hits = 0;
  }

  override executeSql(text: string, values?: unknown[]): Promise<{ rows: SqlRow[] }> {
    return super.executeSql(this.#broken(text), values);
  }

  /** A prepared name stands for one text. */
  override hot(name: string, text: string, values: unknown[]): Promise<pg.QueryResult> {
    return super.hot(`${name}_${this.#version}`, this.#broken(text), values);
  }

  override transaction<T>(work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
    return super.transaction((client) => {
      const query = (text: string, values?: unknown[]) => client.query(this.#broken(text), values);
      return work({ query } as unknown as pg.PoolClient);
    });
  }

  #broken(text: string): string {
    if (!this.#mutation) return text;
    const changed = text.replaceAll(this.#mutation.find, this.#mutation.put);
    if (changed !== text) this.hits += 1;
    return changed;
  }
}
