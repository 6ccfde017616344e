import type { Clock } from "#core/clock.ts";
import { NightshiftError } from "#core/errors.ts";
import type { SqlRow } from "#core/sql.ts";
import type { Database } from "../ledger/database.ts";
import { type DateText, wallClock } from "./date.ts";
import type { ObligationBody } from "./obligation.ts";
import type { DeliveryState } from "./plan.ts";

/** What became of one message, or will. */
export interface DeliveryView {
  readonly id: string;
  readonly obligationId: string;
  readonly occursOn: DateText;
  /** What the message says, or said. */
  readonly dueOn: DateText;
  readonly stage: string;
  /** Your id of the person, and as what they are told. */
  readonly recipient: { readonly id: string; readonly role: "owner" | "manager" };
  readonly channel: string;
  readonly state: DeliveryState;
  /** Why it was not sent; `null` when it was, or will be. */
  readonly because: string | null;
  readonly fireAt: Date;
  readonly sentAt: Date | null;
  /** What it is known by outside: a Message-ID, a deduplication key. */
  readonly reference: string | null;
  /** Why it failed, or why it is not known whether it arrived. */
  readonly errorCode: string | null;
  /** Attempts that the other side refused. */
  readonly tries: number;
}

/** A message that would go out. */
export interface PreviewedMessage extends DeliveryView {
  readonly title: string;
  readonly company: string;
  /** The recipient's wall clock: `2026-12-20T09:00`. */
  readonly local: string;
  /** Why, in words. */
  readonly why: string;
}

/** Only a message that failed, or of which it is not known, can be sent again. */
export class DeliveryNotResendable extends NightshiftError {
  readonly code = "delivery_not_resendable";

  constructor(state: string) {
    super(`Expected a delivery that is failed or unknown, found one that is ${state}`, { state });
  }
}

/** No delivery of that id, or none that this tenant may see. */
export class DeliveryNotFound extends NightshiftError {
  readonly code = "delivery_not_found";

  constructor() {
    super("Expected a delivery of this tenant, found none of that id");
  }
}

const columns = `d.id, d.obligation_id, d.occurs_on::text, d.due_on::text, d.stage, d.role, d.recipient, d.channel, d.state,
  d.because, d.fire_at, d.sent_at, d.reference, d.error_code, d.tries`;

/** What is on record about messages: who was told what and when, and who will be. By tenant, always. */
export class Deliveries {
  readonly #database: Database;
  readonly #clock: Clock;

  constructor(options: { database: Database; clock: Clock }) {
    this.#database = options.database;
    this.#clock = options.clock;
  }

  /** Every message of an obligation, also of a deleted one, oldest first. `null`: there never was one of that id. */
  async ofObligation(
    tenant: string,
    id: string,
    { after, limit }: { after?: readonly [Date, string] | undefined; limit: number },
  ): Promise<readonly DeliveryView[] | null> {
    const { schema } = this.#database;
    const known = await this.#database.executeSql(`select 1 from ${schema}.obligations where tenant = $1 and id = $2`, [
      tenant,
      id,
    ]);
    if (known.rows.length === 0) return null;
    const { rows } = await this.#database.executeSql(
      `select ${columns} from ${schema}.deliveries d
       where d.tenant = $1 and d.obligation_id = $2 and ($3::timestamptz is null or (d.fire_at, d.id) > ($3, $4::uuid))
       order by d.fire_at, d.id limit $5`,
      [tenant, id, after?.[0] ?? null, after?.[1] ?? null, limit],
    );
    return rows.map(toDelivery);
  }

  /** Messages that failed, or of which it is not known whether they arrived, newest first. */
  async troubled(
    tenant: string,
    state: "failed" | "unknown",
    { before, limit }: { before?: string | undefined; limit: number },
  ): Promise<readonly DeliveryView[]> {
    const { rows } = await this.#database.executeSql(
      `select ${columns} from ${this.#database.schema}.deliveries d
       where d.tenant = $1 and d.state = $2 and ($3::uuid is null or d.id < $3) order by d.id desc limit $4`,
      [tenant, state, before ?? null, limit],
    );
    return rows.map(toDelivery);
  }

  /** Every message that would go out within so many days if nothing changes, in the order of time. */
  async ahead(
    tenant: string,
    {
      days,
      company,
      after,
      limit,
    }: { days: number; company?: string | undefined; after?: readonly [Date, string] | undefined; limit: number },
  ): Promise<readonly PreviewedMessage[]> {
    const { schema } = this.#database;
    const { rows } = await this.#database.executeSql(
      `select ${columns}, o.body, o.company from ${schema}.deliveries d
       join ${schema}.obligations o on o.tenant = d.tenant and o.id = d.obligation_id
       where d.tenant = $1 and d.state = 'planned' and d.fire_at < $2 and ($3::text is null or o.company = $3)
         and ($4::timestamptz is null or (d.fire_at, d.id) > ($4, $5::uuid))
       order by d.fire_at, d.id limit $6`,
      [
        tenant,
        new Date(this.#clock.now() + days * 86_400_000),
        company ?? null,
        after?.[0] ?? null,
        after?.[1] ?? null,
        limit,
      ],
    );
    return rows.map((row) => {
      const body = row.body as ObligationBody;
      const person = row.role === "owner" ? body.owner : body.manager;
      const delivery = toDelivery(row);
      const local = wallClock(person?.timeZone ?? body.timeZone, delivery.fireAt.getTime());
      return { ...delivery, title: body.title, company: row.company, local, why: whyOf(delivery) };
    });
  }

  /**
   * Send a message that failed or may have failed once more, at the next sweep. Somebody has looked whether it arrived.
   * Rejects with DeliveryNotFound or DeliveryNotResendable.
   */
  async resend(tenant: string, id: string): Promise<DeliveryView> {
    const { schema } = this.#database;
    const now = new Date(this.#clock.now());
    const { rows } = await this.#database.executeSql(
      `update ${schema}.deliveries d set state = 'planned', because = null, fire_at = $3, sweep_at = $3, tries = 0, claim = null, error_code = null
       where d.tenant = $1 and d.id = $2 and d.state in ('failed', 'unknown') returning ${columns}`,
      [tenant, id, now],
    );
    if (rows[0]) return toDelivery(rows[0]);
    const found = await this.#database.executeSql(
      `select state from ${schema}.deliveries where tenant = $1 and id = $2`,
      [tenant, id],
    );
    if (!found.rows[0]) throw new DeliveryNotFound();
    throw new DeliveryNotResendable(found.rows[0].state);
  }
}

/** The sentence that a preview gives for a stage. */
function whyOf({ stage, dueOn, recipient }: DeliveryView): string {
  const [, days, unit] = /^([+-]?\d+)([db])$/.exec(stage) ?? [];
  if (days !== undefined) {
    if (Number(days) === 0) return `due on ${dueOn}`;
    const count = `${Math.abs(Number(days))} ${unit === "b" ? "business days" : "days"}`;
    return `${count} ${Number(days) < 0 ? "before" : "after"} the due date, ${dueOn}`;
  }
  if (stage.startsWith("moved-")) return `the due date is ${dueOn} now`;
  if (stage.startsWith("snooze-")) return `snoozed until then; due on ${dueOn}`;
  if (stage === "resolve") return "over: the page is resolved";
  return `overdue since ${dueOn} if nobody ${recipient.role === "manager" ? "acknowledges or completes it" : "completes it"}`;
}

function toDelivery(row: SqlRow): DeliveryView {
  return {
    id: row.id,
    obligationId: row.obligation_id,
    occursOn: row.occurs_on,
    dueOn: row.due_on,
    stage: row.stage,
    recipient: { id: row.recipient, role: row.role },
    channel: row.channel,
    state: row.state,
    because: row.because,
    fireAt: row.fire_at,
    sentAt: row.sent_at,
    reference: row.reference,
    errorCode: row.error_code,
    tries: row.tries,
  };
}
