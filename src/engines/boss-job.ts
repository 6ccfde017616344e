import type { JobInsert } from "pg-boss";
import type { ErrorSummary } from "#core/errors.ts";
import type { Delivery, EngineJob, Message } from "./engine.ts";

/**
 * What a pg-boss job carries. pg-boss counts claims (`retryCount`), and snoozed, drained and stalled ones among them;
 * what the retry policy and `maxStalled` mean is counted here.
 */
export interface BossData extends Omit<Message, "id" | "delayMs" | "priority"> {
  readonly spent: number;
  readonly stalled: number;
  /** Epoch ms at which it was due: accepted, or the end of its last delay. */
  readonly dueAt: number;
}

/**
 * One claim in pg-boss's terms. `retryCount` names it: a settle that quotes an older one changes nothing. A redrive (forget,
 * dispatch) counts from zero again, so a worker frozen since before it could still pass here; the ledger's lease stops it.
 */
export interface Claim {
  readonly id: string;
  readonly retryCount: number;
  readonly data: BossData;
}

/** A row of pg-boss's job table, as `BossJobs.find` reads it. */
export interface BossRow {
  readonly id: string;
  readonly data: BossData;
  readonly state: "created" | "retry" | "active" | "completed" | "cancelled" | "failed";
  readonly due: boolean;
  readonly started_on: Date | null;
  readonly completed_on: Date | null;
  readonly output: unknown;
}

/** pg-boss runs the highest number first; gaps leave room for levels to come. */
const priorityNumbers = { high: 20, normal: 10, low: 0 } as const;

/** A message as pg-boss takes it. */
export function toBossJob({ id, delayMs, priority, ...message }: Message): JobInsert<BossData> {
  return {
    id,
    priority: priorityNumbers[priority],
    startAfter: `${delayMs / 1_000} seconds`,
    data: { ...message, spent: 0, stalled: 0, dueAt: message.acceptedAt + delayMs },
    // Not for pg-boss's group limits, which we do not use: a job with a group is in the partial index of active jobs,
    // and that keeps the search for stalled ones from reading every completed row of the queue.
    group: { id: message.tenant },
  };
}

/** The message a pg-boss job was made from. */
export function toMessage({ id, data }: { id: string; data: BossData }): Delivery["message"] {
  const { spent: _spent, stalled: _stalled, dueAt: _dueAt, ...message } = data;
  return { id, ...message };
}

export function toEngineJob(row: BossRow): EngineJob {
  return {
    message: toMessage(row),
    state: stateOf(row),
    spent: row.data.spent + (row.state === "completed" ? 1 : 0), // the attempt that completed it
    acceptedAt: row.data.acceptedAt,
    startedAt: row.started_on?.getTime() ?? null,
    finishedAt: row.completed_on?.getTime() ?? null,
    result: null, // every queue of this engine has a ledger, which keeps the result
    error: isSummary(row.output) ? row.output : null,
  };
}

/**
 * An error as `jsonb` can hold it: no NUL, no half of a surrogate pair (a message cut in the middle of a character has
 * one). Postgres refuses both, and a verdict that cannot be written would be lost.
 */
export function storable(error: ErrorSummary): ErrorSummary {
  return JSON.parse(JSON.stringify(error), (_key, value) =>
    typeof value === "string" ? value.toWellFormed().replaceAll("\0", "\uFFFD") : value,
  );
}

export function stateOf({ state, due }: Pick<BossRow, "state" | "due">): EngineJob["state"] {
  switch (state) {
    case "created":
    case "retry":
      return due ? "waiting" : "delayed";
    case "cancelled":
      return "failed"; // only by hand in SQL: Nightshift deletes what it cancels
    default:
      return state;
  }
}

function isSummary(output: unknown): output is ErrorSummary {
  return typeof output === "object" && output !== null && "code" in output && "message" in output;
}
