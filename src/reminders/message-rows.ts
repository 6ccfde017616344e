import type { SqlRow, SqlRunner } from "#core/sql.ts";
import { newJobId } from "../producer/job-id.ts";
import type { DateText } from "./date.ts";
import type { Occurrence } from "./occurrence.ts";
import { type Because, type KnownMessage, keyOf, type Message } from "./plan.ts";

/** A row of `deliveries`, as far as plans look at it. */
export interface KnownDelivery extends KnownMessage {
  readonly id: string;
  readonly occursOn: DateText;
}

/** A message that is to have a row, and the occurrence it is about. */
export interface WantedMessage extends Message, Occurrence {}

/**
 * The rows of one obligation's messages, as a plan writes them. Rows of messages that were sent, or are being sent, are
 * history and stay; one that somebody begins to send in this very moment is left to them: every update names the state it
 * expects.
 */
export class MessageRows {
  readonly #schema: string;

  constructor(schema: string) {
    this.#schema = schema;
  }

  /** Every message about these occurrences. */
  async of(sql: SqlRunner, tenant: string, id: string, of: readonly Occurrence[]): Promise<KnownDelivery[]> {
    const { rows } = await sql.executeSql(
      `select id, occurs_on::text, due_on::text, stage, role, recipient, channel, fire_at, state, because, sending_since
       from ${this.#schema}.deliveries where tenant = $1 and obligation_id = $2 and occurs_on = any($3::date[])`,
      [tenant, id, of.map(({ occursOn }) => occursOn)],
    );
    return rows.map(toKnown);
  }

  /** Write what differs from what is known: new messages, changed ones, and those that are wanted no more. */
  async save(
    sql: SqlRunner,
    tenant: string,
    id: string,
    wanted: readonly WantedMessage[],
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
    await this.insert(sql, tenant, id, isNew);
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

  /** New rows. One that is there already stays as it is. */
  async insert(sql: SqlRunner, tenant: string, id: string, wanted: readonly WantedMessage[]): Promise<void> {
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

  /** What is planned for these occurrences is not sent; `stages`: only those that begin so. */
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
    takenAt: row.sending_since?.getTime() ?? null,
  };
}

/** What was sent, is being sent or was overtaken is history. */
function mayChange({ state, because }: KnownDelivery): boolean {
  return state === "planned" || state === "superseded" || (state === "suppressed" && because !== "overtaken");
}

function differs(wanted: WantedMessage, known: KnownDelivery): boolean {
  return (["state", "because", "fireAt", "dueOn", "role"] as const).some((field) => wanted[field] !== known[field]);
}
