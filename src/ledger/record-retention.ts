import type { Clock } from "#core/clock.ts";
import { days } from "#core/duration.ts";
import type { Database } from "./database.ts";
import { deleteWhere, untilNotFull } from "./small-deletes.ts";

/**
 * How long records of the families are kept. Results of reports, and what was asked of models and answered, have their ends
 * in `retention.ts`.
 */
export const recordsKept = {
  /**
   * Completed occurrences: that a duty was done, when, by which key, with what evidence, and who had been told. The longest
   * that a shipped calendar's law asks for is ten years from the end of the year (EU OSS, Directive 2006/112/EC art. 369k).
   */
  completedMs: days(11 * 366),
  /** Withdrawn ones were never owed in the end: what was sent about them is worth asking after for as long as a complaint may come. */
  withdrawnMs: days(2 * 366),
  /** Passed ones wanted nothing of anybody. */
  passedMs: days(2 * 366),
  /** Deleted obligations that no occurrence needs any more: the names in them go. */
  deletedMs: days(2 * 366),
  /** The book of calls and what was spent: the present year and the one before can be held against invoices, month by month. */
  aiSpendingMs: days(25 * 31),
} as const;

/** Occurrences per delete: each takes its messages along, about ten. */
const occurrencesPerBatch = 200;

/** How many of each were deleted. */
export interface PrunedRecords {
  /** With their messages. */
  readonly occurrences: number;
  readonly aiCalls: number;
}

/**
 * Deletes records of the families that are past their time, in small batches. An open occurrence is never deleted, however
 * overdue: somebody still owes it. Safe to repeat and to stop at any moment.
 */
export class RecordRetention {
  readonly #database: Database;
  readonly #clock: Clock;

  constructor(options: { database: Database; clock: Clock }) {
    this.#database = options.database;
    this.#clock = options.clock;
  }

  async prune(signal: AbortSignal): Promise<PrunedRecords> {
    const { completedMs, withdrawnMs, passedMs, deletedMs, aiSpendingMs } = recordsKept;
    const completed = await this.#pruneOccurrences(signal, "completed", this.#before(completedMs));
    const withdrawn = await this.#pruneOccurrences(signal, "withdrawn", this.#before(withdrawnMs));
    const passed = await this.#pruneOccurrences(signal, "passed", this.#before(passedMs));
    await deleteWhere(
      this.#database,
      signal,
      "obligations",
      `o.deleted_at < $1 and not exists (select from ${this.#database.schema}.occurrences c
         where c.tenant = o.tenant and c.obligation_id = o.id)`,
      [this.#before(deletedMs)],
    );
    const spent = [this.#before(aiSpendingMs)];
    const aiCalls = await deleteWhere(this.#database, signal, "ai_calls", "started_at < $1", spent);
    await deleteWhere(
      this.#database,
      signal,
      "ai_spend",
      "starts_on < ($1::timestamptz at time zone 'UTC')::date",
      spent,
    );
    return { occurrences: completed + withdrawn + passed, aiCalls };
  }

  /** By the due date, and for what was completed late, by that. Messages go with their occurrence, in one statement. */
  #pruneOccurrences(signal: AbortSignal, state: "completed" | "withdrawn" | "passed", before: Date): Promise<number> {
    const { schema } = this.#database;
    return untilNotFull(signal, occurrencesPerBatch, async () => {
      const { rows } = await this.#database.executeSql(
        `with old as (
           select tenant, obligation_id, occurs_on from ${schema}.occurrences
           where state = '${state}' and due_on < ($1::timestamptz at time zone 'UTC')::date
             and (completed_at is null or completed_at < $1)
           order by due_on limit ${occurrencesPerBatch} for update skip locked
         ), messages as (
           delete from ${schema}.deliveries d using old
           where d.tenant = old.tenant and d.obligation_id = old.obligation_id and d.occurs_on = old.occurs_on
         ), gone as (
           delete from ${schema}.occurrences c using old
           where c.tenant = old.tenant and c.obligation_id = old.obligation_id and c.occurs_on = old.occurs_on returning 1
         ) select count(*)::int as count from gone`,
        [before],
      );
      return rows[0]!.count;
    });
  }

  #before(keptMs: number): Date {
    return new Date(this.#clock.now() - keptMs);
  }
}
