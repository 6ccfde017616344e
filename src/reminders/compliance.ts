import type { Clock } from "#core/clock.ts";
import { defaultDueSoonDays, type Standing, standingOf, standings } from "#core/standing.ts";
import type { Database } from "../ledger/database.ts";
import { addDays, dayIn } from "./date.ts";

/** How a company stands. The counts are disjoint; `total` is their sum. */
export interface ComplianceView {
  readonly company: string;
  readonly asOf: Date;
  readonly dueSoonDays: number;
  readonly counts: Readonly<Record<Standing, number>>;
  readonly total: number;
}

/** How companies stand with what they owe. */
export class Compliance {
  readonly #database: Database;
  readonly #clock: Clock;

  constructor(options: { database: Database; clock: Clock }) {
    this.#database = options.database;
    this.#clock = options.clock;
  }

  /** Every occurrence that is planned or was completed is counted once, by the day in its obligation's zone. */
  async of(tenant: string, company: string, dueSoonDays = defaultDueSoonDays): Promise<ComplianceView> {
    const now = this.#clock.now();
    const { rows } = await this.#database.executeSql(
      `select state, time_zone, due_on::text, count(*)::int as count from ${this.#database.schema}.occurrences
       where tenant = $1 and company = $2 and state <> 'withdrawn' group by state, time_zone, due_on`,
      [tenant, company],
    );
    const counts: Record<Standing, number> = { pending: 0, due_soon: 0, overdue: 0, completed: 0 };
    for (const row of rows) {
      const today = dayIn(row.time_zone, now);
      counts[standingOf({ state: row.state, dueOn: row.due_on }, today, addDays(today, dueSoonDays))] += row.count;
    }
    const total = standings.reduce((sum, standing) => sum + counts[standing], 0);
    return { company, asOf: new Date(now), dueSoonDays, counts, total };
  }
}
