import type { SqlRow, SqlRunner } from "#core/sql.ts";
import { newJobId } from "../producer/job-id.ts";
import { addDays, type DateText, dayIn } from "./date.ts";
import type { HolidayBook } from "./holiday-book.ts";
import { isOnce, type ObligationBody } from "./obligation.ts";
import { type Occurrence, occurrencesOf } from "./occurrence.ts";
import { type Because, type KnownMessage, keyOf, type Message, messagesOf } from "./plan.ts";

/** A plan reaches at least so far ahead; it is made longer, so that it need not be made again each day. */
export const horizonDays = 400;
const spareDays = 30;

/** An obligation whose row the caller has locked, or is just inserting. */
export interface Subject {
  readonly tenant: string;
  readonly id: string;
  readonly body: ObligationBody;
}

/** A row of `occurrences`. */
interface KnownOccurrence extends Occurrence {
  readonly state: "open" | "completed" | "withdrawn";
  readonly acknowledged: boolean;
  readonly snoozedUntil: DateText | null;
}

interface KnownDelivery extends KnownMessage {
  readonly id: string;
  readonly occursOn: DateText;
}

interface Wanted extends Message, Occurrence {}

/**
 * Writes the plan of one obligation: its occurrences of the next 400 days and a row for each message. Planning again changes
 * what differs and nothing else. Rows of messages that were sent, or are being sent, are history and stay; a message that
 * somebody begins to send in this very moment is left to them (every update names the state it expects).
 */
export class Planner {
  readonly #schema: string;
  readonly #holidays: HolidayBook;

  constructor(options: { schema: string; holidays: HolidayBook }) {
    this.#schema = options.schema;
    this.#holidays = options.holidays;
  }

  /**
   * Plan within the caller's transaction. `replaced`: the single date of the obligation was another before this change, so
   * its open occurrence goes, however overdue; those of a rule that are overdue stay until they are completed.
   */
  async plan(
    sql: SqlRunner,
    { tenant, id, body }: Subject,
    { now, replaced }: { now: number; replaced: boolean },
  ): Promise<void> {
    const holidays = this.#holidays.daysOff(body.calendar);
    const today = dayIn(body.timeZone, now);
    const last = addDays(today, horizonDays + spareDays);
    const wanted = occurrencesOf(body, holidays, { first: today, last });
    const known = await this.#occurrences(sql, tenant, id, today, wanted);
    const byDay = new Map(known.map((one) => [one.occursOn, one]));
    const wantedDays = new Set(wanted.map(({ occursOn }) => occursOn));
    const open = known.filter(({ state }) => state === "open");
    const gone = open.filter(({ occursOn, dueOn }) => !wantedDays.has(occursOn) && (dueOn >= today || replaced));
    const overdue = open.filter(({ occursOn, dueOn }) => !wantedDays.has(occursOn) && dueOn < today && !replaced);
    const current = [...overdue, ...wanted.filter(({ occursOn }) => byDay.get(occursOn)?.state !== "completed")];

    await this.#saveOccurrences(sql, { tenant, id, body }, current);
    const deliveries = await this.#deliveries(sql, tenant, id, [...current, ...gone]);
    const goneDays = new Set(gone.map(({ occursOn }) => occursOn));
    const moved = isOnce(body.due) && deliveries.some((one) => goneDays.has(one.occursOn) && wasTold(one));
    const ofDay = Map.groupBy(deliveries, ({ occursOn }) => occursOn);
    const messages = current.flatMap((occurrence): Wanted[] => {
      const { acknowledged = false, snoozedUntil = null } = byDay.get(occurrence.occursOn) ?? {};
      const about = { ...occurrence, acknowledged, snoozedUntil, moved };
      const its = ofDay.get(occurrence.occursOn) ?? [];
      return messagesOf(body, about, its, { holidays, now }).map((message) => ({ ...occurrence, ...message }));
    });
    await this.#saveMessages(
      sql,
      { tenant, id, body },
      messages,
      deliveries.filter((one) => !goneDays.has(one.occursOn)),
    );
    await this.withdraw(sql, tenant, id, [...goneDays], now);
    await sql.executeSql(
      `update ${this.#schema}.obligations set planned_through = $3, replan_at = $4, holidays_version = $5
       where tenant = $1 and id = $2`,
      [tenant, id, last, new Date(now + spareDays * 86_400_000), this.#holidays.version(body.calendar)],
    );
  }

  /** Take occurrences out: nothing more is said about them, and a page that they caused is resolved. */
  async withdraw(sql: SqlRunner, tenant: string, id: string, days: readonly DateText[], now: number): Promise<void> {
    if (days.length === 0) return;
    await sql.executeSql(
      `update ${this.#schema}.occurrences set state = 'withdrawn'
       where tenant = $1 and obligation_id = $2 and occurs_on = any($3::date[]) and state = 'open'`,
      [tenant, id, days],
    );
    await this.silence(sql, tenant, id, days, { because: "withdrawn", state: "superseded" });
    await this.resolvePages(sql, tenant, id, days, now);
  }

  /** What is planned for these occurrences is not sent. */
  async silence(
    sql: SqlRunner,
    tenant: string,
    id: string,
    days: readonly DateText[],
    { because, state, stages = "" }: { because: Because; state: "suppressed" | "superseded"; stages?: string },
  ): Promise<void> {
    await sql.executeSql(
      `update ${this.#schema}.deliveries set state = $4, because = $5
       where tenant = $1 and obligation_id = $2 and occurs_on = any($3::date[]) and state = 'planned'
         and stage <> 'resolve' and starts_with(stage, $6)`,
      [tenant, id, days, state, because, stages],
    );
  }

  /** For every page of these occurrences that went out, or may have: a message that resolves it. One is enough for each. */
  async resolvePages(
    sql: SqlRunner,
    tenant: string,
    id: string,
    days: readonly DateText[],
    now: number,
  ): Promise<void> {
    const { rows } = await sql.executeSql(
      `select distinct on (occurs_on) occurs_on::text, due_on::text, role, recipient from ${this.#schema}.deliveries
       where tenant = $1 and obligation_id = $2 and occurs_on = any($3::date[]) and channel = 'pagerduty'
         and stage <> 'resolve' and state in ('sending', 'sent', 'unknown')
       order by occurs_on, fire_at`,
      [tenant, id, days],
    );
    const wanted = rows.map(
      (row): Wanted => ({
        ...{ occursOn: row.occurs_on, dueOn: row.due_on, role: row.role, recipient: row.recipient },
        ...{ stage: "resolve", channel: "pagerduty", fireAt: now, state: "planned", because: null },
      }),
    );
    await this.#insert(sql, tenant, id, wanted);
  }

  async #occurrences(sql: SqlRunner, tenant: string, id: string, today: DateText, wanted: readonly Occurrence[]) {
    const { rows } = await sql.executeSql(
      `select occurs_on::text, due_on::text, state, acknowledged_at is not null as acknowledged, snoozed_until::text
       from ${this.#schema}.occurrences
       where tenant = $1 and obligation_id = $2 and (state = 'open' or due_on >= $3 or occurs_on = any($4::date[]))`,
      [tenant, id, addDays(today, -horizonDays), wanted.map(({ occursOn }) => occursOn)],
    );
    return rows.map(
      (row): KnownOccurrence => ({
        occursOn: row.occurs_on,
        dueOn: row.due_on,
        state: row.state,
        acknowledged: row.acknowledged,
        snoozedUntil: row.snoozed_until,
      }),
    );
  }

  async #saveOccurrences(sql: SqlRunner, { tenant, id, body }: Subject, current: readonly Occurrence[]): Promise<void> {
    if (current.length === 0) return;
    await sql.executeSql(
      `insert into ${this.#schema}.occurrences as o (tenant, obligation_id, occurs_on, due_on, company, time_zone)
       select $1, $2, day, due, $5, $6 from unnest($3::date[], $4::date[]) as t (day, due)
       on conflict (tenant, obligation_id, occurs_on) do update
         set due_on = excluded.due_on, company = excluded.company, time_zone = excluded.time_zone, state = 'open'
         where o.state <> 'completed'
           and (o.due_on, o.company, o.time_zone, o.state) is distinct from (excluded.due_on, excluded.company, excluded.time_zone, 'open')`,
      [tenant, id, current.map((one) => one.occursOn), current.map((one) => one.dueOn), body.company, body.timeZone],
    );
  }

  async #deliveries(sql: SqlRunner, tenant: string, id: string, of: readonly Occurrence[]): Promise<KnownDelivery[]> {
    const { rows } = await sql.executeSql(
      `select id, occurs_on::text, due_on::text, stage, role, recipient, channel, fire_at, state, because
       from ${this.#schema}.deliveries where tenant = $1 and obligation_id = $2 and occurs_on = any($3::date[])`,
      [tenant, id, of.map(({ occursOn }) => occursOn)],
    );
    return rows.map(toKnown);
  }

  async #saveMessages(
    sql: SqlRunner,
    { tenant, id }: Subject,
    wanted: readonly Wanted[],
    known: readonly KnownDelivery[],
  ): Promise<void> {
    const within = (one: (Message & Occurrence) | KnownDelivery) => `${one.occursOn} ${keyOf(one)}`;
    const byKey = new Map(known.map((one) => [within(one), one]));
    const kept = new Set(wanted.map(within));
    const isNew = wanted.filter((one) => !byKey.has(within(one)));
    const changed = wanted.flatMap((one) => {
      const before = byKey.get(within(one));
      return before && mayChange(before) && differs(one, before) ? [{ ...one, id: before.id, was: before.state }] : [];
    });
    const dropped = known.filter((one) => one.state === "planned" && one.stage !== "resolve" && !kept.has(within(one)));
    await this.#insert(sql, tenant, id, isNew);
    if (changed.length > 0)
      await sql.executeSql(
        `update ${this.#schema}.deliveries d set state = t.state, because = t.because, fire_at = t.fire_at, due_on = t.due_on,
           sweep_at = case when d.fire_at = t.fire_at and d.state = t.state then d.sweep_at else t.fire_at end, role = t.role
         from unnest($2::uuid[], $3::text[], $4::text[], $5::text[], $6::timestamptz[], $7::date[], $8::text[])
           as t (id, was, state, because, fire_at, due_on, role)
         where d.tenant = $1 and d.id = t.id and d.state = t.was`,
        [
          tenant,
          ...(["id", "was", "state", "because"] as const).map((field) => changed.map((one) => one[field])),
          changed.map((one) => new Date(one.fireAt)),
          ...(["dueOn", "role"] as const).map((field) => changed.map((one) => one[field])),
        ],
      );
    if (dropped.length > 0)
      await sql.executeSql(
        `update ${this.#schema}.deliveries set state = 'superseded', because = 'changed'
         where tenant = $1 and id = any($2::uuid[]) and state = 'planned'`,
        [tenant, dropped.map((one) => one.id)],
      );
  }

  async #insert(sql: SqlRunner, tenant: string, id: string, wanted: readonly Wanted[]): Promise<void> {
    if (wanted.length === 0) return;
    await sql.executeSql(
      `insert into ${this.#schema}.deliveries
         (id, tenant, obligation_id, occurs_on, due_on, stage, role, recipient, channel, fire_at, sweep_at, state, because)
       select t.id, $1, $2, occurs_on, due_on, stage, role, recipient, channel, fire_at, fire_at, state, because
       from unnest($3::uuid[], $4::date[], $5::date[], $6::text[], $7::text[], $8::text[], $9::text[], $10::timestamptz[], $11::text[],
         $12::text[]) as t (id, occurs_on, due_on, stage, role, recipient, channel, fire_at, state, because)
       on conflict on constraint deliveries_once do nothing`,
      [
        tenant,
        id,
        wanted.map(() => newJobId()),
        ...(["occursOn", "dueOn", "stage", "role", "recipient", "channel"] as const).map((field) =>
          wanted.map((one) => one[field]),
        ),
        wanted.map((one) => new Date(one.fireAt)),
        wanted.map((one) => one.state),
        wanted.map((one) => one.because),
      ],
    );
  }
}

function toKnown(row: SqlRow): KnownDelivery {
  return {
    id: row.id,
    occursOn: row.occurs_on,
    dueOn: row.due_on,
    stage: row.stage,
    role: row.role,
    recipient: row.recipient,
    channel: row.channel,
    fireAt: row.fire_at.getTime(),
    state: row.state,
    because: row.because,
  };
}

function wasTold({ state, stage }: KnownDelivery): boolean {
  return stage !== "resolve" && (state === "sending" || state === "sent" || state === "unknown");
}

/** What was sent, is being sent or was overtaken is history. */
function mayChange({ state, because }: KnownDelivery): boolean {
  return state === "planned" || state === "superseded" || (state === "suppressed" && because !== "overtaken");
}

function differs(wanted: Wanted, known: KnownDelivery): boolean {
  return (["state", "because", "fireAt", "dueOn", "role"] as const).some((field) => wanted[field] !== known[field]);
}
