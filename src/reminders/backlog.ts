import type { Clock } from "#core/clock.ts";
import type { Database } from "../ledger/database.ts";

/** What stands still, of all tenants. */
export interface Standstill {
  /** For how long the oldest planned message that no sweep has given a job has been due; 0 when none is. */
  readonly sweepLagMs: number;
  /** Messages of which nobody knows whether they arrived: each waits for a person. */
  readonly unknown: number;
}

/** How far the sweep and people are behind. Reads two indexes, whose size is what is ahead and what is in trouble. */
export class Backlog {
  readonly #database: Database;
  readonly #clock: Clock;

  constructor(options: { database: Database; clock: Clock }) {
    this.#database = options.database;
    this.#clock = options.clock;
  }

  async read(): Promise<Standstill> {
    const deliveries = `${this.#database.schema}.deliveries`;
    const { rows } = await this.#database.executeSql(
      `select (select min(sweep_at) from ${deliveries} where state = 'planned') as next,
         (select count(*)::int from ${deliveries} where state = 'unknown') as unknown`,
    );
    const { next, unknown } = rows[0]!;
    return { sweepLagMs: next ? Math.max(0, this.#clock.now() - next.getTime()) : 0, unknown };
  }
}
