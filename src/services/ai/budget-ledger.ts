import {
  AiBudgetExceeded,
  AiBudgetReserved,
  type Budget,
  type BudgetPeriod,
  type BudgetScope,
  type BudgetStatus,
  type Budgets,
  budgetPeriods,
  type Spender,
} from "#core/ai-budgets.ts";
import type { Clock } from "#core/clock.ts";
import { type AiMeter, silentMeters } from "#core/meters.ts";
import type { SqlRow, SqlRunner } from "#core/sql.ts";
import type { Database } from "../../ledger/database.ts";
import { endOf, startOf } from "./periods.ts";

/** A row of `ai_spend` that a call is charged to. Its names are those of the columns, because it is stored as it is. */
export interface Charge {
  readonly scope: BudgetScope;
  readonly subject: string;
  readonly period: BudgetPeriod;
  readonly starts_on: string;
}

/**
 * Budgets in Postgres. A reservation adds to what is reserved only while spent + reserved + itself stays within every hard
 * budget, row by row under the row's own lock, so that any number of callers together cannot pass it. A call that is killed
 * keeps its reservation: a budget may count too much, never too little.
 */
export class PostgresBudgets implements Budgets {
  readonly #database: Database;
  readonly #clock: Clock;
  readonly #dailyMicros: number | null;
  readonly #meter: AiMeter;

  /** `dailyMicros`: what a tenant without a daily budget of its own may spend; `null`: no limit. */
  constructor(options: { database: Database; clock: Clock; dailyMicros: number | null; meter?: AiMeter }) {
    this.#database = options.database;
    this.#clock = options.clock;
    this.#dailyMicros = options.dailyMicros;
    this.#meter = options.meter ?? silentMeters.ai;
  }

  /** Reserve in the caller's transaction, whose end releases the rows. Rejects with AiBudgetExceeded or AiBudgetReserved. */
  async reserve(spender: Spender, micros: number, sql: SqlRunner): Promise<readonly Charge[]> {
    const charges = this.#chargesOf(spender);
    const { schema } = this.#database;
    // In the order of the key, as every statement that locks several of these rows: no two callers wait for each other.
    const { rows } = await sql.executeSql(
      `insert into ${schema}.ai_spend as s (tenant, scope, subject, period, starts_on, reserved_micros, hard_micros)
         select $1, w.scope, w.subject, w.period, w.starts_on, $6, ${this.#hardLimit("$7")}
         from unnest($2::text[], $3::text[], $4::text[], $5::date[]) as w (scope, subject, period, starts_on)
         left join lateral ${this.#budgetOf} b on true
         order by w.scope, w.subject, w.period
       on conflict (tenant, scope, subject, period, starts_on) do update
         set reserved_micros = s.reserved_micros + excluded.reserved_micros, hard_micros = excluded.hard_micros
         where excluded.hard_micros is null
           or s.spent_micros + s.reserved_micros + excluded.reserved_micros <= excluded.hard_micros
       returning scope, subject, period, spent_micros + reserved_micros as committed, hard_micros`,
      [spender.tenant, ...columnsOf(charges), micros, this.#dailyMicros],
    );
    const refused = charges.find((charge) => {
      const row = rows.find(({ scope, period }) => scope === charge.scope && period === charge.period);
      return !row || (row.hard_micros !== null && Number(row.committed) > Number(row.hard_micros));
    });
    if (refused) throw await this.#refused(spender, refused, micros, sql);
    return charges;
  }

  async check(spender: Spender, within: SqlRunner = this.#database): Promise<void> {
    const charges = this.#chargesOf(spender);
    const { schema } = this.#database;
    const { rows } = await within.executeSql(
      `select w.scope, w.subject, w.period, l.hard
       from unnest($2::text[], $3::text[], $4::text[], $5::date[]) as w (scope, subject, period, starts_on)
       left join lateral ${this.#budgetOf} b on true
       cross join lateral (select ${this.#hardLimit("$6")} as hard) l
       left join ${schema}.ai_spend s on s.tenant = $1 and s.scope = w.scope and s.subject = w.subject
         and s.period = w.period and s.starts_on = w.starts_on
       where coalesce(s.spent_micros, 0) >= l.hard
       limit 1`,
      [spender.tenant, ...columnsOf(charges), this.#dailyMicros],
    );
    const [full] = rows;
    if (full) throw this.#refusal(spender.tenant, full, Number(full.hard));
  }

  async set(tenant: string, { scope, subject, period, limitMicros, hard }: Budget): Promise<void> {
    await this.#database.executeSql(
      `insert into ${this.#database.schema}.ai_budgets (tenant, scope, subject, period, limit_micros, hard)
       values ($1, $2, $3, $4, $5, $6)
       on conflict (tenant, scope, subject, period)
       do update set limit_micros = excluded.limit_micros, hard = excluded.hard`,
      [tenant, scope, subject, period, limitMicros, hard],
    );
  }

  async remove(tenant: string, { scope, subject, period }: Parameters<Budgets["remove"]>[1]): Promise<boolean> {
    const { rows } = await this.#database.executeSql(
      `delete from ${this.#database.schema}.ai_budgets
       where tenant = $1 and scope = $2 and subject = $3 and period = $4 returning 1`,
      [tenant, scope, subject, period],
    );
    return rows.length > 0;
  }

  async status(tenant: string): Promise<readonly BudgetStatus[]> {
    const at = new Date(this.#clock.now());
    const { schema } = this.#database;
    const { rows } = await this.#database.executeSql(
      `with spent as (
         select scope, subject, period, spent_micros, reserved_micros from ${schema}.ai_spend
         where tenant = $1 and ((period = 'day' and starts_on = $2) or (period = 'month' and starts_on = $3))
       ), w as (
         select * from spent
         union all
         select 'tenant', '', 'day', 0, 0 where not exists (select from spent where scope = 'tenant' and period = 'day')
       )
       select w.scope, w.subject, w.period, b.limit_micros, b.hard, w.spent_micros as spent, w.reserved_micros as reserved
       from w left join lateral ${this.#budgetOf} b on true
       union all
       select scope, subject, period, limit_micros, hard, 0, 0 from ${schema}.ai_budgets b
       where tenant = $1
         and not exists (select from w where w.scope = b.scope and w.subject = b.subject and w.period = b.period)
       order by 1, 2, 3`,
      [tenant, startOf("day", at), startOf("month", at)],
    );
    return rows.map((row) => this.#toStatus(row, at));
  }

  #toStatus(row: SqlRow, at: Date): BudgetStatus {
    const isDefault = row.limit_micros === null && row.scope === "tenant" && row.period === "day";
    const limitMicros = row.limit_micros === null ? (isDefault ? this.#dailyMicros : null) : Number(row.limit_micros);
    const [spentMicros, reservedMicros] = [Number(row.spent), Number(row.reserved)];
    return {
      scope: row.scope,
      subject: row.subject,
      period: row.period,
      limitMicros,
      hard: row.hard ?? (isDefault && limitMicros !== null),
      spentMicros,
      reservedMicros,
      exceeded: limitMicros !== null && spentMicros + reservedMicros >= limitMicros,
      resetsAt: endOf(row.period, at).toISOString(),
    };
  }

  /** What a call is charged to: the tenant always, the user and the purpose where they are named; by day and by month. */
  #chargesOf({ tenant: _tenant, userId, purpose }: Spender): Charge[] {
    const at = new Date(this.#clock.now());
    const scopes: [BudgetScope, string][] = [
      ["feature", purpose],
      ["tenant", ""],
      ...(userId === undefined ? [] : [["user", userId] as [BudgetScope, string]]),
    ];
    return scopes.flatMap(([scope, subject]) =>
      budgetPeriods.map((period) => ({ scope, subject, period, starts_on: startOf(period, at) })),
    );
  }

  /** The budget that rules a wanted row `w`: its own, else the one for each (`*`). */
  get #budgetOf(): string {
    return `(select limit_micros, hard from ${this.#database.schema}.ai_budgets b
      where b.tenant = $1 and b.scope = w.scope and b.period = w.period and b.subject in (w.subject, '*')
      order by b.subject = '*' limit 1)`;
  }

  #hardLimit(daily: string): string {
    return `case when b.hard then b.limit_micros
      when b.hard is null and w.scope = 'tenant' and w.period = 'day' then ${daily}::bigint end`;
  }

  async #refused(spender: Spender, charge: Charge, micros: number, sql: SqlRunner): Promise<Error> {
    const { rows } = await sql.executeSql(
      `select ${this.#hardLimit("$6")} as hard, coalesce(s.spent_micros, 0) as spent
       from unnest($2::text[], $3::text[], $4::text[], $5::date[]) as w (scope, subject, period, starts_on)
       left join lateral ${this.#budgetOf} b on true
       left join ${this.#database.schema}.ai_spend s on s.tenant = $1 and s.scope = w.scope and s.subject = w.subject
         and s.period = w.period and s.starts_on = w.starts_on`,
      [spender.tenant, ...columnsOf([charge]), this.#dailyMicros],
    );
    const hard = Number(rows[0]?.hard ?? 0);
    return Number(rows[0]?.spent ?? 0) + micros <= hard
      ? new AiBudgetReserved({ scope: charge.scope, period: charge.period })
      : this.#refusal(spender.tenant, charge, hard);
  }

  #refusal(
    tenant: string,
    { scope, period }: Pick<Charge, "scope" | "period"> | SqlRow,
    limitMicros: number,
  ): AiBudgetExceeded {
    this.#meter.budgetRefusal({ tenant, scope, period });
    const resetsAt = endOf(period, new Date(this.#clock.now()));
    return new AiBudgetExceeded({ scope, period, limitMicros, resetsAt });
  }
}

function columnsOf(charges: readonly Charge[]): unknown[] {
  return [
    charges.map((charge) => charge.scope),
    charges.map((charge) => charge.subject),
    charges.map((charge) => charge.period),
    charges.map((charge) => charge.starts_on),
  ];
}
