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

  /** Every occurrence that is planned, has passed or was completed is counted once, by the day in its obligation's zone. */
  async of(tenant: string, company: string, dueSoonDays = defaultDueSoonDays): Promise<ComplianceView> {
    const now = this.#clock.now();
    const { rows } = await this.#database.executeSql(
      `select c.state, c.time_zone, c.due_on::text, o.body -> 'overdue' = 'null' as lapses, count(*)::int as count
       from ${this.#database.schema}.occurrences c
       join ${this.#database.schema}.obligations o on o.tenant = c.tenant and o.id = c.obligation_id
       where c.tenant = $1 and c.company = $2 and c.state <> 'withdrawn' group by c.state, c.time_zone, c.due_on, lapses`,
      [tenant, company],
    );
    const counts: Record<Standing, number> = { pending: 0, due_soon: 0, overdue: 0, passed: 0, completed: 0 };
    for (const { state, time_zone: zone, due_on: dueOn, lapses, count } of rows) {
      const today = dayIn(zone, now);
      counts[standingOf({ state, dueOn, lapses }, today, addDays(today, dueSoonDays))] += count;
    }
    const total = standings.reduce((sum, standing) => sum + counts[standing], 0);
    return { company, asOf: new Date(now), dueSoonDays, counts, total };
  }
}
