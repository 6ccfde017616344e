import type { Clock } from "#core/clock.ts";
import { hours } from "#core/duration.ts";
import type { Log } from "#core/handler.ts";
import type { Database } from "../ledger/database.ts";
import type { HolidayBook } from "./holiday-book.ts";
import { ObligationNotFound, type Obligations } from "./obligations.ts";

const pageSize = 100;
/** Per call: the rest waits for the next minute, so that due messages never wait long behind plans. */
const maxPlans = 2_000;

interface Stale {
  readonly tenant: string;
  readonly id: string;
}

/** Plans again what time or a holiday has made stale: plans that no longer reach far enough, and those of days off that changed. */
export class Replanner {
  readonly #database: Database;
  readonly #obligations: Obligations;
  readonly #holidays: HolidayBook;
  readonly #clock: Clock;
  readonly #log: Log;

  constructor(options: {
    database: Database;
    obligations: Obligations;
    holidays: HolidayBook;
    clock: Clock;
    log: Log;
  }) {
    this.#database = options.database;
    this.#obligations = options.obligations;
    this.#holidays = options.holidays;
    this.#clock = options.clock;
    this.#log = options.log;
  }

  /** How many were planned again. Safe to stop half-way, and to run several times at once: a plan that is right stays as it is. */
  async replan(signal: AbortSignal): Promise<number> {
    this.#holidays.refresh();
    let planned = await this.#drain(signal, maxPlans, () => this.#endingSoon());
    for (const [calendar, version] of await this.#staleCalendars())
      planned += await this.#drain(signal, maxPlans - planned, () => this.#ofVersion(calendar, version));
    return planned;
  }

  async #drain(signal: AbortSignal, limit: number, find: () => Promise<readonly Stale[]>): Promise<number> {
    for (let planned = 0; ; ) {
      const page = planned < limit ? await find() : [];
      for (const one of page) {
        signal.throwIfAborted();
        await this.#plan(one);
      }
      planned += page.length;
      if (page.length < pageSize) return planned;
    }
  }

  async #plan({ tenant, id }: Stale): Promise<void> {
    const now = this.#clock.now();
    try {
      await this.#obligations.transaction(async (sql) => {
        const body = await this.#obligations.lock(sql, tenant, id);
        await this.#obligations.planner.plan(sql, { tenant, id, body }, { now, replaced: false });
      });
    } catch (error) {
      if (error instanceof ObligationNotFound) return; // deleted since
      // One that cannot be planned must not keep the others from being planned: it is asked again later.
      this.#log.error({ obligationId: id, error: (error as Error).name }, "obligation.plan_failed");
      await this.#database.executeSql(
        `update ${this.#table} set replan_at = $3, holidays_version = $4 where tenant = $1 and id = $2`,
        [tenant, id, new Date(now + hours(1)), "failed"],
      );
    }
  }

  async #endingSoon(): Promise<readonly Stale[]> {
    const { rows } = await this.#database.executeSql(
      `select tenant, id from ${this.#table} where replan_at <= $1 and deleted_at is null order by replan_at limit ${pageSize}`,
      [new Date(this.#clock.now())],
    );
    return rows as Stale[];
  }

  /** The versions of days off that plans were made with and that are no longer those of the book. Reads one row for each. */
  async #staleCalendars(): Promise<readonly (readonly [string, string])[]> {
    const living = "holiday_calendar is not null and deleted_at is null";
    const { rows } = await this.#database.executeSql(
      `with recursive pairs as (
         (select holiday_calendar, holidays_version from ${this.#table} where ${living}
          order by holiday_calendar, holidays_version limit 1)
         union all
         (select n.* from pairs p cross join lateral (
            select o.holiday_calendar, o.holidays_version from ${this.#table} o
            where ${living} and (o.holiday_calendar, o.holidays_version) > (p.holiday_calendar, p.holidays_version)
            order by o.holiday_calendar, o.holidays_version limit 1) n)
       ) select * from pairs`,
    );
    return rows
      .filter(
        (row) =>
          row.holidays_version !== "failed" && row.holidays_version !== this.#holidays.version(row.holiday_calendar),
      )
      .map((row) => [row.holiday_calendar, row.holidays_version] as const);
  }

  async #ofVersion(calendar: string, version: string): Promise<readonly Stale[]> {
    const { rows } = await this.#database.executeSql(
      `select tenant, id from ${this.#table}
       where holiday_calendar = $1 and holidays_version = $2 and deleted_at is null limit ${pageSize}`,
      [calendar, version],
    );
    return rows as Stale[];
  }

  get #table(): string {
    return `${this.#database.schema}.obligations`;
  }
}
