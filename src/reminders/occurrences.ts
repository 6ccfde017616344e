import type { Clock } from "#core/clock.ts";
import { InvalidInput, NightshiftError } from "#core/errors.ts";
import type { SqlRow, SqlRunner } from "#core/sql.ts";
import { defaultDueSoonDays, type Standing, standingOf } from "#core/standing.ts";
import type { Database } from "../ledger/database.ts";
import { addDays, type DateText, dayIn } from "./date.ts";
import type { ObligationBody } from "./obligation.ts";
import type { Obligations, StoredObligation } from "./obligations.ts";

export interface OccurrenceView {
  readonly occursOn: DateText;
  readonly dueOn: DateText;
  readonly standing: Standing;
  readonly acknowledgedAt: Date | null;
  readonly snoozedUntil: DateText | null;
  readonly completedAt: Date | null;
  /** The key that completed it. */
  readonly completedBy: string | null;
  readonly evidence: string | null;
}

/** No occurrence of that day, or none that is open. */
export class OccurrenceNotFound extends NightshiftError {
  readonly code = "occurrence_not_found";

  constructor(which: string) {
    super(`Expected ${which} of this obligation, found none`);
  }
}

/** It was completed before, with other evidence. */
export class OccurrenceCompleted extends NightshiftError {
  readonly code = "occurrence_completed";

  constructor() {
    super("Expected an occurrence that is open, found one that was completed");
  }
}

const columns = `occurs_on::text, due_on::text, state, acknowledged_at, snoozed_until::text, completed_at, completed_by, evidence`;
/** $3: whether such an occurrence is over by itself after its day; $4: today. */
const stillOpen = "state = 'open' and (due_on >= $4::date or not $3::boolean)";

/**
 * What people say about one occurrence of an obligation: done, seen, later. Without a day it is the earliest open one. Each
 * is one transaction with what follows from it for the plan.
 */
export class Occurrences {
  readonly #obligations: Obligations;
  readonly #sql: SqlRunner;
  readonly #schema: string;
  readonly #clock: Clock;

  constructor(options: { obligations: Obligations; database: Database; clock: Clock }) {
    this.#obligations = options.obligations;
    this.#sql = options.database;
    this.#schema = options.database.schema;
    this.#clock = options.clock;
  }

  /**
   * Done: nothing more is said about it, and a page is resolved. Safe to repeat with the same day and evidence. Rejects with
   * ObligationNotFound, OccurrenceNotFound or OccurrenceCompleted.
   */
  complete(
    tenant: string,
    id: string,
    said: { occurrence?: DateText | undefined; evidence: string; by: string },
  ): Promise<OccurrenceView> {
    return this.#with(tenant, id, said.occurrence, async (sql, row, { view, now }) => {
      if (row.state === "completed") {
        if (row.evidence === said.evidence) return view(row);
        throw new OccurrenceCompleted();
      }
      const { planner } = this.#obligations;
      const done = await this.#set(
        sql,
        tenant,
        id,
        row,
        "state = 'completed', completed_at = $4, completed_by = $5, evidence = $6",
        [new Date(now), said.by, said.evidence],
      );
      await planner.messages.silence(sql, tenant, id, [row.occurs_on], { because: "completed", state: "suppressed" });
      await planner.resolvePages(sql, tenant, id, [row.occurs_on], now);
      return view(done);
    });
  }

  /** Seen: from now on nobody is told that it is overdue. Reminders up to the due date go on. Safe to repeat. */
  acknowledge(tenant: string, id: string, said: { occurrence?: DateText | undefined }): Promise<OccurrenceView> {
    return this.#with(tenant, id, said.occurrence, async (sql, row, { view, now }) => {
      if (row.state === "completed") throw new OccurrenceCompleted();
      const seen = await this.#set(sql, tenant, id, row, "acknowledged_at = coalesce(acknowledged_at, $4)", [
        new Date(now),
      ]);
      const silent = { because: "acknowledged", state: "suppressed", stages: "overdue-" } as const;
      await this.#obligations.planner.messages.silence(sql, tenant, id, [row.occurs_on], silent);
      return view(seen);
    });
  }

  /**
   * Later: no reminder before the day, and one on it. Rejects with InvalidInput for a day that is not after today and by the
   * due date.
   */
  snooze(
    tenant: string,
    id: string,
    said: { occurrence?: DateText | undefined; until: DateText },
  ): Promise<OccurrenceView> {
    return this.#with(tenant, id, said.occurrence, async (sql, row, { view, today, now, body }) => {
      if (row.state === "completed") throw new OccurrenceCompleted();
      if (said.until > row.due_on)
        throw refuseUntil("snooze_past_due", `Expected a day up to the due date, ${row.due_on}, found a later one`);
      if (said.until <= today) throw refuseUntil("too_early", "Expected a day after today, found none");
      const later = await this.#set(sql, tenant, id, row, "snoozed_until = $4", [said.until]);
      await this.#obligations.planner.plan(sql, { tenant, id, body }, { now, replaced: false });
      return view(later);
    });
  }

  /** The open ones of an obligation, the most pressing first; within the caller's transaction, if there is one. */
  async open(
    { tenant, id, timeZone, overdue }: Pick<StoredObligation, "tenant" | "id" | "timeZone" | "overdue">,
    { limit, within = this.#sql }: { limit: number; within?: SqlRunner | undefined },
  ): Promise<readonly OccurrenceView[]> {
    const today = dayIn(timeZone, this.#clock.now());
    const lapses = overdue === null;
    const { rows } = await within.executeSql(
      `select ${columns} from ${this.#schema}.occurrences
       where tenant = $1 and obligation_id = $2 and ${stillOpen} order by due_on, occurs_on limit $5`,
      [tenant, id, lapses, today, limit],
    );
    return rows.map((row) => toOccurrence(row, today, lapses));
  }

  #with(
    tenant: string,
    id: string,
    day: DateText | undefined,
    work: (
      sql: SqlRunner,
      row: SqlRow,
      at: { view: (row: SqlRow) => OccurrenceView; today: DateText; now: number; body: ObligationBody },
    ) => Promise<OccurrenceView>,
  ): Promise<OccurrenceView> {
    return this.#obligations.transaction(async (sql) => {
      const body = await this.#obligations.lock(sql, tenant, id);
      const now = this.#clock.now();
      const today = dayIn(body.timeZone, now);
      const lapses = body.overdue === null;
      const which = day === undefined ? stillOpen : "state <> 'withdrawn' and occurs_on = $3::date";
      const { rows } = await sql.executeSql(
        `select ${columns} from ${this.#schema}.occurrences
         where tenant = $1 and obligation_id = $2 and ${which} order by due_on, occurs_on limit 1`,
        [tenant, id, ...(day === undefined ? [lapses, today] : [day])],
      );
      if (!rows[0])
        throw new OccurrenceNotFound(day === undefined ? "an open occurrence" : "an occurrence on that day");
      return work(sql, rows[0], { view: (row) => toOccurrence(row, today, lapses), today, now, body });
    });
  }

  async #set(sql: SqlRunner, tenant: string, id: string, row: SqlRow, set: string, values: unknown[]): Promise<SqlRow> {
    const { rows } = await sql.executeSql(
      `update ${this.#schema}.occurrences set ${set} where tenant = $1 and obligation_id = $2 and occurs_on = $3::date returning ${columns}`,
      [tenant, id, row.occurs_on, ...values],
    );
    return rows[0]!;
  }
}

function toOccurrence(row: SqlRow, today: DateText, lapses: boolean): OccurrenceView {
  return {
    occursOn: row.occurs_on,
    dueOn: row.due_on,
    standing: standingOf({ state: row.state, dueOn: row.due_on, lapses }, today, addDays(today, defaultDueSoonDays)),
    acknowledgedAt: row.acknowledged_at,
    snoozedUntil: row.snoozed_until,
    completedAt: row.completed_at,
    completedBy: row.completed_by,
    evidence: row.evidence,
  };
}

function refuseUntil(code: string, message: string): InvalidInput {
  return new InvalidInput("The snooze was refused", [{ path: "until", code, message }]);
}
