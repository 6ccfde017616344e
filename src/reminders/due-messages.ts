import type { Clock } from "#core/clock.ts";
import { minutes } from "#core/duration.ts";
import type { Log } from "#core/handler.ts";
import type { JobDefinition } from "#core/job.ts";
import type { ReminderMeter } from "#core/meters.ts";
import type { Priority } from "#core/priority.ts";
import type { SqlRow, SqlRunner } from "#core/sql.ts";
import type { Database } from "../ledger/database.ts";
import type { Entry, Producer } from "../producer/producer.ts";
import { managerStage, managerTurn, type OwnerMessage } from "./ladder.ts";

const pageSize = 500;
/** How long the job of a message is waited for before the sweep asks again; a job that still lives is joined, not doubled. */
export const regardMs = minutes(15);
/** No attempt lives so long: whoever was sending has vanished. */
const lostAfterMs = minutes(15);

/** Finds the messages whose turn has come, for all tenants: those of this minute, and those that an outage left. */
export class DueMessages {
  readonly #database: Database;
  readonly #producer: Producer;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #meter: ReminderMeter;

  constructor(options: { database: Database; producer: Producer; clock: Clock; log: Log; meter: ReminderMeter }) {
    this.#database = options.database;
    this.#producer = options.producer;
    this.#clock = options.clock;
    this.#log = options.log;
    this.#meter = options.meter;
  }

  /**
   * Give each a job with the payload `{deliveryId}`, and say how many. Page by page, each a transaction: rows that were given a
   * job move out of the sweep's sight with it, so that any number of sweeps share the work.
   */
  async fanOut(job: JobDefinition, signal: AbortSignal): Promise<number> {
    for (let total = 0; ; ) {
      signal.throwIfAborted();
      const { given, seen } = await this.#fanOutPage(job);
      total += given;
      if (seen < pageSize) return total;
    }
  }

  #fanOutPage(job: JobDefinition): Promise<{ given: number; seen: number }> {
    const now = this.#clock.now();
    return this.#producer.transaction(async (own) => {
      const { rows } = await own.in.executeSql(
        `select d.id, d.tenant, o.body ->> 'priority' as priority, d.due_on::text, case d.stage when $2 then o.body end as ladder
         from ${this.#deliveries} d join ${this.#database.schema}.obligations o on o.tenant = d.tenant and o.id = d.obligation_id
         where d.state = 'planned' and d.sweep_at <= $1 order by d.sweep_at, d.id limit ${pageSize}
         for update of d skip locked`,
        [new Date(now), managerStage],
      );
      const early = await this.#putOff(
        own.in,
        rows.filter(({ ladder }) => ladder !== null),
        now,
      );
      const due = rows.filter(({ id }) => !early.has(id));
      const entry = (row: SqlRow): Entry => ({
        job,
        payload: { deliveryId: row.id },
        options: { priority: row.priority as Priority },
      });
      for (const [tenant, ofTenant] of Map.groupBy(due, (row) => row.tenant as string))
        await this.#producer.enqueueMany(tenant, ofTenant.map(entry), own);
      await own.in.executeSql(`update ${this.#deliveries} set sweep_at = $2 where id = any($1::uuid[])`, [
        due.map((row) => row.id),
        new Date(now + regardMs),
      ]);
      return { given: due.length, seen: rows.length };
    });
  }

  /** Managers whose owner was told later than planned, or is told only now, wait for the time between the two. Says which. */
  async #putOff(sql: SqlRunner, managers: readonly SqlRow[], now: number): Promise<ReadonlySet<string>> {
    if (managers.length === 0) return new Set();
    const { rows } = await sql.executeSql(
      `select m.id, d.stage, d.state, d.fire_at, d.sending_since
       from ${this.#deliveries} m join ${this.#deliveries} d using (tenant, obligation_id, occurs_on, due_on)
       where m.id = any($1::uuid[]) and d.role = 'owner' and d.stage <> 'resolve'`,
      [managers.map(({ id }) => id)],
    );
    const toOwner = Map.groupBy(rows, ({ id }) => id as string);
    const early = managers
      .map(({ id, ladder, due_on: dueOn }) => {
        const messages = (toOwner.get(id) ?? []).map(toOwnerMessage);
        return { id: id as string, turn: managerTurn(ladder, dueOn, messages, now) ?? now };
      })
      .filter(({ turn }) => turn > now);
    await sql.executeSql(
      `update ${this.#deliveries} d set fire_at = t.turn, sweep_at = t.turn
       from unnest($1::uuid[], $2::timestamptz[]) as t (id, turn) where d.id = t.id`,
      [early.map(({ id }) => id), early.map(({ turn }) => new Date(turn))],
    );
    return new Set(early.map(({ id }) => id));
  }

  /**
   * Messages in the hands of senders that are no more, and whose job does not come again: to be sent again on these channels,
   * `unknown` on the others.
   */
  async recoverLost(repeatable: readonly string[]): Promise<number> {
    const now = this.#clock.now();
    const { rows } = await this.#database.executeSql(
      `update ${this.#deliveries}
       set state = case when channel = any($2) then 'planned' else 'unknown' end, sweep_at = $3,
         error_code = case when channel = any($2) then null else 'sender_vanished' end
       where state = 'sending' and sending_since < $1 returning tenant, channel, state`,
      [new Date(now - lostAfterMs), repeatable, new Date(now)],
    );
    for (const { tenant, channel, state } of rows) this.#meter.delivery({ tenant, channel, state });
    const unknown = rows.filter((row) => row.state === "unknown").length;
    if (unknown > 0) this.#log.error({ unknown }, "deliveries.unknown");
    return rows.length;
  }

  get #deliveries(): string {
    return `${this.#database.schema}.deliveries`;
  }
}

function toOwnerMessage(row: SqlRow): OwnerMessage {
  return {
    stage: row.stage,
    state: row.state,
    fireAt: row.fire_at.getTime(),
    takenAt: row.sending_since?.getTime() ?? null,
  };
}
