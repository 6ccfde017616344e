import { days } from "#core/duration.ts";
import type { SqlRunner } from "#core/sql.ts";
import { recordsKept } from "../ledger/record-retention.ts";
import { addDays, type DateText, dayIn } from "./date.ts";
import type { HolidayBook } from "./holiday-book.ts";
import { type KnownDelivery, MessageRows, type WantedMessage } from "./message-rows.ts";
import { isOnce, type ObligationBody } from "./obligation.ts";
import { isOver, type Occurrence, occurrencesOf } from "./occurrence.ts";
import { messagesOf } from "./plan.ts";

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
  readonly state: "open" | "passed" | "completed" | "withdrawn";
  readonly acknowledged: boolean;
  readonly snoozedUntil: DateText | null;
}

/**
 * Writes the plan of one obligation: its occurrences of the next 400 days and a row for each message. Planning again changes
 * what differs and nothing else.
 */
export class Planner {
  readonly #schema: string;
  readonly #holidays: HolidayBook;
  readonly messages: MessageRows;

  constructor(options: { schema: string; holidays: HolidayBook }) {
    this.#schema = options.schema;
    this.messages = new MessageRows(options.schema);
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
    // One that was due so long ago that the record of its end may have ended is not made again.
    const keptMs = body.overdue === null ? recordsKept.passedMs : recordsKept.completedMs;
    const recordedFrom = addDays(today, -keptMs / days(1));
    const isPlanned = ({ occursOn, dueOn }: Occurrence) => {
      const one = byDay.get(occursOn);
      return one ? one.state === "open" || one.state === "withdrawn" : dueOn >= recordedFrom;
    };
    const current = [...overdue, ...wanted.filter(isPlanned)];
    const living = current.filter(({ dueOn }) => !isOver(body, dueOn, today));

    await this.#saveOccurrences(sql, { tenant, id, body }, current);
    const deliveries = await this.messages.of(sql, tenant, id, [...current, ...gone]);
    const goneDays = new Set(gone.map(({ occursOn }) => occursOn));
    const livingDays = new Set(living.map(({ occursOn }) => occursOn));
    const moved = isOnce(body.due) && deliveries.some((one) => goneDays.has(one.occursOn) && wasTold(one));
    const ofDay = Map.groupBy(deliveries, ({ occursOn }) => occursOn);
    const messages = living.flatMap((occurrence): WantedMessage[] => {
      const { acknowledged = false, snoozedUntil = null } = byDay.get(occurrence.occursOn) ?? {};
      const about = { ...occurrence, acknowledged, snoozedUntil, moved };
      const its = ofDay.get(occurrence.occursOn) ?? [];
      return messagesOf(body, about, its, { holidays, now }).map((message) => ({ ...occurrence, ...message }));
    });
    await this.messages.save(
      sql,
      tenant,
      id,
      messages,
      deliveries.filter((one) => livingDays.has(one.occursOn)),
    );
    await this.withdraw(sql, tenant, id, [...goneDays], now);
    await this.letPass(sql, { tenant, id, body }, now);
    await sql.executeSql(
      `update ${this.#schema}.obligations set planned_through = $3, replan_at = $4, holidays_version = $5
       where tenant = $1 and id = $2`,
      [tenant, id, last, new Date(now + spareDays * 86_400_000), this.#holidays.version(body.calendar)],
    );
  }

  /** Those that are never overdue and whose day has passed are over: nothing more is said about them, whatever changes. */
  async letPass(sql: SqlRunner, { tenant, id, body }: Subject, now: number): Promise<void> {
    if (body.overdue !== null) return;
    const { rows } = await sql.executeSql(
      `update ${this.#schema}.occurrences set state = 'passed'
       where tenant = $1 and obligation_id = $2 and state = 'open' and due_on < $3::date returning occurs_on::text`,
      [tenant, id, dayIn(body.timeZone, now)],
    );
    await this.#hush(
      sql,
      tenant,
      id,
      rows.map((row) => row.occurs_on),
      now,
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
    await this.#hush(sql, tenant, id, days, now);
  }

  async #hush(sql: SqlRunner, tenant: string, id: string, days: readonly DateText[], now: number): Promise<void> {
    if (days.length === 0) return;
    await this.messages.silence(sql, tenant, id, days, { because: "withdrawn", state: "superseded" });
    await this.resolvePages(sql, tenant, id, days, now);
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
      (row): WantedMessage => ({
        ...{ occursOn: row.occurs_on, dueOn: row.due_on, role: row.role, recipient: row.recipient },
        ...{ stage: "resolve", channel: "pagerduty", fireAt: now, state: "planned", because: null },
      }),
    );
    await this.messages.insert(sql, tenant, id, wanted);
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
         where o.state not in ('completed', 'passed')
           and (o.due_on, o.company, o.time_zone, o.state) is distinct from (excluded.due_on, excluded.company, excluded.time_zone, 'open')`,
      [tenant, id, current.map((one) => one.occursOn), current.map((one) => one.dueOn), body.company, body.timeZone],
    );
  }
}

function wasTold({ state, stage }: KnownDelivery): boolean {
  return stage !== "resolve" && (state === "sending" || state === "sent" || state === "unknown");
}
