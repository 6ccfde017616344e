import type { Clock } from "#core/clock.ts";
import { InvalidInput, NightshiftError } from "#core/errors.ts";
import type { SqlRow, SqlRunner } from "#core/sql.ts";
import type { Database } from "../ledger/database.ts";
import { newJobId } from "../producer/job-id.ts";
import type { HolidayBook } from "./holiday-book.ts";
import { isOnce, type ObligationBody, type Person, readObligation } from "./obligation.ts";
import { Planner } from "./planner.ts";

/** An obligation and what the store knows of it. */
export interface StoredObligation extends ObligationBody {
  readonly id: string;
  readonly tenant: string;
  /** The calendar and the rule that it was made from; `null`: somebody wrote it. */
  readonly source: Source | null;
  /** 1, and one more with every change. */
  readonly revision: number;
  /** Its messages are planned to the end of this day. */
  readonly plannedThrough: string;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

export interface Source {
  readonly calendar: string;
  readonly rule: string;
}

export interface ObligationFilter {
  readonly company?: string | undefined;
  readonly kind?: string | undefined;
  /** Ids above this one: the last id of the page before. */
  readonly after?: string | undefined;
  readonly limit: number;
}

/** No obligation of that id, or none that this tenant may see, or one that was deleted. */
export class ObligationNotFound extends NightshiftError {
  readonly code = "obligation_not_found";

  constructor() {
    super("Expected an obligation of this tenant, found none of that id");
  }
}

const columns = `id, tenant, body, source_calendar, source_rule, revision, planned_through::text, created_at, updated_at`;

/**
 * Obligations, by tenant. Every change and the plan that follows from it are one transaction: either both are there or
 * neither is. A row is locked while it changes, so that two changes at once become one after the other.
 */
export class Obligations {
  readonly #database: Database;
  readonly #holidays: HolidayBook;
  readonly #clock: Clock;
  readonly planner: Planner;

  constructor(options: { database: Database; holidays: HolidayBook; clock: Clock }) {
    this.#database = options.database;
    this.#holidays = options.holidays;
    this.#clock = options.clock;
    this.planner = new Planner({ schema: options.database.schema, holidays: options.holidays });
  }

  /** What would be stored. Throws InvalidInput with the path of every problem. */
  read(raw: unknown): ObligationBody {
    this.#holidays.refresh();
    return readObligation(raw, this.#holidays, { now: this.#clock.now(), rule: true });
  }

  /**
   * Store an obligation that `read` has passed, and plan it; within the caller's transaction, if there is one. `null`: the
   * company has the obligation of this source already.
   */
  async create(
    tenant: string,
    body: ObligationBody,
    source: Source | null = null,
    within?: SqlRunner,
  ): Promise<StoredObligation | null> {
    if (!within) return this.transaction((sql) => this.create(tenant, body, source, sql));
    const now = this.#clock.now();
    const { rows } = await within.executeSql(
      `insert into ${this.#database.schema}.obligations
         (tenant, id, company, kind, time_zone, body, holiday_calendar, source_calendar, source_rule, holidays_version,
          planned_through, replan_at, created_at, updated_at)
       values ($1, $2, $3, $4, $5, $6, $7, $8, $9, '', '1970-01-01', '1970-01-01', $10, $10)
       on conflict (tenant, company, source_calendar, source_rule) where source_calendar is not null and deleted_at is null
         do nothing
       returning id`,
      [
        ...[tenant, newJobId(), body.company, body.kind, body.timeZone, JSON.stringify(body), body.calendar],
        ...[source?.calendar ?? null, source?.rule ?? null, new Date(now)],
      ],
    );
    if (rows.length === 0) return null;
    const { id } = rows[0] as { id: string };
    await this.planner.plan(within, { tenant, id, body }, { now, replaced: false });
    return this.find(tenant, id, within);
  }

  /** `null`: none of this tenant. */
  async find(tenant: string, id: string, within: SqlRunner = this.#database): Promise<StoredObligation | null> {
    const { rows } = await within.executeSql(
      `select ${columns} from ${this.#table} where tenant = $1 and id = $2 and deleted_at is null`,
      [tenant, id],
    );
    return rows[0] ? toObligation(rows[0]) : null;
  }

  /** Oldest first. */
  async list(tenant: string, { company, kind, after, limit }: ObligationFilter): Promise<readonly StoredObligation[]> {
    const { rows } = await this.#database.executeSql(
      `select ${columns} from ${this.#table}
       where tenant = $1 and deleted_at is null and ($2::text is null or company = $2) and ($3::text is null or kind = $3)
         and ($4::uuid is null or id > $4)
       order by id limit $5`,
      [tenant, company ?? null, kind ?? null, after ?? null, limit],
    );
    return rows.map(toObligation);
  }

  /**
   * Replace the fields that are given, check the whole, and plan again. Rejects with ObligationNotFound or InvalidInput;
   * then nothing has changed.
   */
  change(tenant: string, id: string, patch: Readonly<Record<string, unknown>>): Promise<StoredObligation> {
    this.#holidays.refresh();
    return this.transaction(async (sql) => {
      const before = await this.lock(sql, tenant, id);
      const now = this.#clock.now();
      await this.planner.letPass(sql, { tenant, id, body: before }, now);
      const raw = { ...toRaw(before), ...patch };
      const body = readObligation(raw, this.#holidays, { now, rule: "due" in patch });
      if (body.company !== before.company) await this.#requireRoom(sql, tenant, id, body.company);
      await sql.executeSql(
        `update ${this.#table} set body = $3, company = $4, kind = $5, time_zone = $6, holiday_calendar = $7,
           revision = revision + 1, updated_at = $8
         where tenant = $1 and id = $2`,
        [tenant, id, JSON.stringify(body), body.company, body.kind, body.timeZone, body.calendar, new Date(now)],
      );
      const replaced = isOnce(before.due) && JSON.stringify(before.due) !== JSON.stringify(body.due);
      await this.planner.plan(sql, { tenant, id, body }, { now, replaced });
      return (await this.find(tenant, id, sql))!;
    });
  }

  /**
   * Take an obligation away: nothing more is sent about it, and its names and addresses are erased. What was sent stays on
   * record.
   * Rejects with ObligationNotFound.
   */
  remove(tenant: string, id: string): Promise<void> {
    return this.transaction(async (sql) => {
      const body = await this.lock(sql, tenant, id);
      const now = this.#clock.now();
      await this.planner.letPass(sql, { tenant, id, body }, now);
      const { rows } = await sql.executeSql(
        `select occurs_on::text from ${this.#database.schema}.occurrences
         where tenant = $1 and obligation_id = $2 and state = 'open'`,
        [tenant, id],
      );
      await this.planner.withdraw(
        sql,
        tenant,
        id,
        rows.map((row) => row.occurs_on),
        now,
      );
      await sql.executeSql(
        `update ${this.#table} set deleted_at = $3, updated_at = $3, body = $4 where tenant = $1 and id = $2`,
        [tenant, id, new Date(now), JSON.stringify(withoutPeople(body))],
      );
    });
  }

  /** The obligation, locked until the transaction ends. Rejects with ObligationNotFound. */
  async lock(sql: SqlRunner, tenant: string, id: string): Promise<ObligationBody> {
    const { rows } = await sql.executeSql(
      `select body from ${this.#table} where tenant = $1 and id = $2 and deleted_at is null for update`,
      [tenant, id],
    );
    if (!rows[0]) throw new ObligationNotFound();
    return rows[0].body;
  }

  /** An obligation of a calendar's rule cannot move to a company that has one of that rule already. Throws InvalidInput. */
  async #requireRoom(sql: SqlRunner, tenant: string, id: string, company: string): Promise<void> {
    const { rows } = await sql.executeSql(
      `select 1 from ${this.#table} mine join ${this.#table} other using (tenant, source_calendar, source_rule)
       where mine.tenant = $1 and mine.id = $2 and other.company = $3 and other.deleted_at is null`,
      [tenant, id, company],
    );
    const message = "Expected a company without an obligation of this calendar's rule, found one that has it";
    if (rows.length > 0)
      throw new InvalidInput("The obligation was refused", [{ path: "company", code: "rule_taken", message }]);
  }

  transaction<T>(work: (sql: SqlRunner) => Promise<T>): Promise<T> {
    return this.#database.transaction((client) => work({ executeSql: (text, values) => client.query(text, values) }));
  }

  get #table(): string {
    return `${this.#database.schema}.obligations`;
  }
}

/** As a caller would say it. */
function toRaw(body: ObligationBody): Record<string, unknown> {
  return { ...body };
}

/** People are left as ids: what records of who was told name. */
function withoutPeople(body: ObligationBody): ObligationBody {
  const nobody = ({ id, timeZone }: Person): Person => ({ id, name: id, ...(timeZone !== undefined && { timeZone }) });
  return { ...body, owner: nobody(body.owner), manager: body.manager && nobody(body.manager) };
}

export function toObligation(row: SqlRow): StoredObligation {
  return {
    ...(row.body as ObligationBody),
    id: row.id,
    tenant: row.tenant,
    source: row.source_calendar === null ? null : { calendar: row.source_calendar, rule: row.source_rule },
    revision: row.revision,
    plannedThrough: row.planned_through,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}
