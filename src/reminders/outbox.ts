import { randomUUID } from "node:crypto";
import type { Clock } from "#core/clock.ts";
import type { JobDefinition } from "#core/job.ts";
import type { ReminderMeter } from "#core/meters.ts";
import type { Claim, ClaimedMessage, Outbox, Swept } from "#core/outbox.ts";
import type { SqlRow, SqlRunner } from "#core/sql.ts";
import type { Database } from "../ledger/database.ts";
import { dayIn, daysBetween } from "./date.ts";
import { type DueMessages, regardMs } from "./due-messages.ts";
import type { ObligationBody, Person } from "./obligation.ts";
import { isOver } from "./occurrence.ts";
import type { Replanner } from "./replanner.ts";

/**
 * The rows of messages, from their turn to the end of the sending. A row changes hands by compare-and-set:
 *
 * - `planned`: its turn will come, or has. The sweep gives it a job; the job claims it.
 * - `sending`: one attempt holds the claim and is sending. When that attempt vanishes, the next one, or the sweep, finds the
 *   row so: it is sent again where the channel tells one message from two, and `unknown` where not.
 * - `sent`, `failed`, `unknown`: over. A claim that was believed lost may still turn `unknown` into what it knows.
 * - `suppressed`, `superseded`: not to be sent, or no longer.
 */
export class PostgresOutbox implements Outbox {
  readonly #database: Database;
  readonly #due: DueMessages;
  readonly #replanner: Replanner;
  readonly #clock: Clock;
  readonly #meter: ReminderMeter;

  constructor(options: {
    database: Database;
    due: DueMessages;
    replanner: Replanner;
    clock: Clock;
    meter: ReminderMeter;
  }) {
    this.#database = options.database;
    this.#due = options.due;
    this.#replanner = options.replanner;
    this.#clock = options.clock;
    this.#meter = options.meter;
  }

  async sweep(
    job: JobDefinition,
    { signal, repeatable }: { signal: AbortSignal; repeatable: readonly string[] },
  ): Promise<Swept> {
    const due = await this.#due.fanOut(job, signal);
    const lost = await this.#due.recoverLost(repeatable);
    const replanned = await this.#replanner.replan(signal);
    return { due: due + (lost + replanned > 0 ? await this.#due.fanOut(job, signal) : 0), lost, replanned };
  }

  async claim(tenant: string, id: string, repeatable: readonly string[]): Promise<Claim> {
    const now = this.#clock.now();
    const became: SqlRow[] = [];
    const claimed = await this.#transaction(async (sql): Promise<Claim> => {
      const { rows } = await sql.executeSql(
        `select d.*, d.occurs_on::text as occurs_text, d.due_on::text as due_text, c.state as occurrence, o.body, o.deleted_at
         from ${this.#deliveries} d
         join ${this.#database.schema}.occurrences c using (tenant, obligation_id, occurs_on)
         join ${this.#database.schema}.obligations o on o.tenant = d.tenant and o.id = d.obligation_id
         where d.tenant = $1 and d.id = $2 for update of d`,
        [tenant, id],
      );
      const row = rows[0];
      if (!row) return { kind: "missing" };
      const interrupted = row.state === "sending";
      if (row.state !== "planned" && !interrupted) return { kind: "over", state: row.state };
      const person = personOf(row);
      const idle = interrupted ? null : await this.#reasonAgainst(sql, row, person, now);
      if (idle === "not-due" || idle === "wait")
        return idle === "wait" ? { kind: "wait" } : { kind: "over", state: "planned" };
      if (idle) {
        const dropped = await this.#drop(sql, row, idle);
        became.push(dropped);
        return { kind: "over", state: dropped.state };
      }
      const again = repeatable.includes(row.channel) && person !== null && isWanted(row);
      if (interrupted && !again) {
        await sql.executeSql(
          `update ${this.#deliveries} set state = 'unknown', error_code = 'sender_vanished' where tenant = $1 and id = $2`,
          [tenant, id],
        );
        became.push({ ...row, state: "unknown" });
        return { kind: "unknown" };
      }
      const claim = randomUUID();
      await sql.executeSql(
        `update ${this.#deliveries} set state = 'sending', claim = $3, sending_since = $4, error_code = null
         where tenant = $1 and id = $2`,
        [tenant, id, claim, new Date(now)],
      );
      return { kind: "send", message: toMessage(row, person!, claim, now) };
    });
    this.#tell(became); // after the commit
    return claimed;
  }

  async sent({ tenant, id, claim }: ClaimedMessage, reference: string): Promise<void> {
    await this.#settle(tenant, id, claim, `state = 'sent', sent_at = $4, reference = $5, error_code = null`, [
      new Date(this.#clock.now()),
      reference,
    ]);
  }

  async notSent(
    { tenant, id, claim }: ClaimedMessage,
    { code, final, maxTries }: { code: string; final: boolean; maxTries: number },
  ): Promise<"planned" | "failed"> {
    const rows = await this.#settle(
      tenant,
      id,
      claim,
      `state = case when $4 or tries + 1 >= $5 then 'failed' else 'planned' end, tries = tries + 1, error_code = $6, sweep_at = $7`,
      [final, maxTries, code, this.#later(regardMs)],
    );
    return rows[0]?.state ?? "planned";
  }

  async postponed({ tenant, id, claim }: ClaimedMessage, delayMs: number): Promise<void> {
    await this.#settle(tenant, id, claim, `state = 'planned', sweep_at = $4`, [this.#later(delayMs + regardMs)]);
  }

  async lost({ tenant, id, claim }: ClaimedMessage, code: string): Promise<void> {
    await this.#settle(tenant, id, claim, `state = 'unknown', error_code = $4`, [code]);
  }

  /** Why a planned message is not sent now; `null`: it is. */
  async #reasonAgainst(sql: SqlRunner, row: SqlRow, person: Person | null, now: number) {
    if (row.fire_at.getTime() > now) return "not-due"; // put off since its job was enqueued
    if (row.stage === "resolve") return (await this.#pageOnItsWay(sql, row)) ? "wait" : null;
    if (!isWanted(row) || isOver(row.body, row.due_text, dayIn(row.body.timeZone, now)))
      return row.occurrence === "completed" ? "completed" : "withdrawn";
    if (!person) return "changed";
    return (await this.#isOvertaken(sql, row, now)) ? "overtaken" : null;
  }

  async #pageOnItsWay(sql: SqlRunner, row: SqlRow): Promise<boolean> {
    const { rows } = await sql.executeSql(
      `select 1 from ${this.#deliveries}
       where tenant = $1 and obligation_id = $2 and occurs_on = $3::date and channel = $4 and id <> $5 and state = 'sending' limit 1`,
      [row.tenant, row.obligation_id, row.occurs_text, row.channel, row.id],
    );
    return rows.length > 0;
  }

  /** After an outage several stages may be due at once: the newest says it all. */
  async #isOvertaken(sql: SqlRunner, row: SqlRow, now: number): Promise<boolean> {
    const { rows } = await sql.executeSql(
      `select 1 from ${this.#deliveries}
       where tenant = $1 and obligation_id = $2 and occurs_on = $3::date and recipient = $4 and channel = $5
         and fire_at > $6 and fire_at <= $7 and state in ('planned', 'sending', 'sent') and stage <> 'resolve' limit 1`,
      [row.tenant, row.obligation_id, row.occurs_text, row.recipient, row.channel, row.fire_at, new Date(now)],
    );
    return rows.length > 0;
  }

  async #drop(
    sql: SqlRunner,
    row: SqlRow,
    because: "completed" | "withdrawn" | "changed" | "overtaken",
  ): Promise<SqlRow> {
    const state = because === "withdrawn" || because === "changed" ? "superseded" : "suppressed";
    await sql.executeSql(`update ${this.#deliveries} set state = $3, because = $4 where tenant = $1 and id = $2`, [
      row.tenant,
      row.id,
      state,
      because,
    ]);
    return { ...row, state };
  }

  /** Only who holds the claim may say how it ended; also when it was given up for lost meanwhile. */
  async #settle(tenant: string, id: string, claim: string, set: string, values: unknown[]): Promise<SqlRow[]> {
    const { rows } = await this.#database.executeSql(
      `update ${this.#deliveries} set ${set}
       where tenant = $1 and id = $2 and claim = $3 and state in ('sending', 'unknown') returning tenant, channel, state`,
      [tenant, id, claim, ...values],
    );
    this.#tell(rows);
    return rows;
  }

  #tell(rows: readonly SqlRow[]): void {
    for (const { tenant, channel, state } of rows) this.#meter.delivery({ tenant, channel, state });
  }

  #transaction<T>(work: (sql: SqlRunner) => Promise<T>): Promise<T> {
    return this.#database.transaction((client) => work({ executeSql: (text, values) => client.query(text, values) }));
  }

  #later(ms: number): Date {
    return new Date(this.#clock.now() + ms);
  }

  get #deliveries(): string {
    return `${this.#database.schema}.deliveries`;
  }
}

/** Whether the occurrence that a message is about is still open. A resolution is wanted when it is not. */
function isWanted(row: SqlRow): boolean {
  return row.stage === "resolve" || (row.occurrence === "open" && row.deleted_at === null);
}

/** Who it is for, as the obligation says today; `null`: somebody else has taken over. A resolution is for nobody. */
function personOf(row: SqlRow): Person | null {
  const body = row.body as ObligationBody;
  const person = row.role === "owner" ? body.owner : body.manager;
  if (row.stage === "resolve") return person ?? body.owner;
  return person?.id === row.recipient ? person : null;
}

function toMessage(row: SqlRow, person: Person, claim: string, now: number): ClaimedMessage {
  const body = row.body as ObligationBody;
  const { title, kind, company, priority, timeZone } = body;
  return {
    id: row.id,
    tenant: row.tenant,
    claim,
    channel: row.channel,
    stage: row.stage,
    role: row.role,
    to: { name: person.name, email: person.email, slack: person.slack },
    obligation: { id: row.obligation_id, title, kind, company, priority },
    occursOn: row.occurs_text,
    dueOn: row.due_text,
    daysLeft: daysBetween(dayIn(timeZone, now), row.due_text),
  };
}
