import type { DeduplicationMode } from "#core/deduplication.ts";
import type { Priority } from "#core/priority.ts";
import type { SqlRunner } from "#core/sql.ts";
import type { Database } from "./database.ts";
import { Deduplication, type KeyHolder } from "./deduplication.ts";
import { isTerminal, type JobState } from "./job-state.ts";
import type { Statements } from "./statements.ts";

/** A job as it is written at acceptance. */
export interface NewJob {
  readonly id: string;
  readonly tenant: string;
  readonly job: string;
  readonly queue: string;
  readonly priority: Priority;
  readonly payload: unknown;
  readonly payloadVersion: number;
  /** SHA-256 of a payload that is too large for the row; `payload` is then null. */
  readonly payloadBlob?: string | undefined;
  /** The job whose handler enqueued this one. */
  readonly parentId?: string | undefined;
  readonly batchId?: string | undefined;
  readonly retryAttempts: number;
  readonly runAt: Date;
  /** True when `runAt` is far enough away that the job waits in Postgres. */
  readonly scheduled: boolean;
  /** How long after it is due the relay leaves the row to the fast path of the process that accepts it. */
  readonly relayGraceMs: number;
  readonly expiresAt?: Date | undefined;
  readonly deduplicationKey?: string | undefined;
  /** The key stays taken for at least so long after the acceptance. */
  readonly deduplicateForMs?: number | undefined;
  /** Default: join. */
  readonly deduplicate?: DeduplicationMode | undefined;
  readonly tags?: readonly string[] | undefined;
  readonly correlationId?: string | undefined;
  readonly traceparent?: string | undefined;
}

/** `duplicate`: `id` is the job that held the key. */
export interface Accepted {
  readonly id: string;
  readonly state: JobState;
  readonly acceptedAt: Date;
  readonly runAt: Date;
  readonly duplicate: boolean;
  /** The job that held the key had not begun, and is now what this request asked for. */
  readonly replaced?: boolean;
  /** Replaced, and its engine may hold it for a later time or another priority than is wanted now. */
  readonly moved?: boolean;
  /** Waits for the job that held the key; the relay takes it when that has ended. */
  readonly follows?: boolean;
}

export interface InsertedRow {
  readonly id: string;
  readonly state: JobState;
  readonly accepted_ms: number;
}

/** Writes new jobs. One that meets a holder of its deduplication key does with it what its mode says. */
export class Acceptance {
  readonly #database: Database;
  readonly #sql: Statements;
  readonly #keys: Deduplication;

  constructor(database: Database, sql: Statements) {
    this.#database = database;
    this.#sql = sql;
    this.#keys = new Deduplication(database.schema);
  }

  /** All jobs in one statement; answers in their order. */
  async accept(runner: SqlRunner, jobs: readonly NewJob[]): Promise<Accepted[]> {
    const inserted = await this.#insert(runner, jobs);
    const answers = jobs.map((job) => toAccepted(job, inserted.get(job.id)));
    await this.#meetHolders(runner, jobs, answers);
    return answers as Accepted[]; // the loop above ends when none is missing
  }

  async #insert(runner: SqlRunner, jobs: readonly NewJob[]) {
    const values = [JSON.stringify(inKeyOrder(jobs).map(toRow))];
    const answer =
      runner === this.#database
        ? await this.#database.hot("ledger_accept", this.#sql.accept, values)
        : await runner.executeSql(this.#sql.accept, values);
    return new Map((answer.rows as InsertedRow[]).map((row) => [row.id, row]));
  }

  /** Rows whose key is taken meet its holder; one whose holder let go meanwhile is inserted again. */
  async #meetHolders(runner: SqlRunner, jobs: readonly NewJob[], answers: (Accepted | undefined)[]): Promise<void> {
    for (let missing = missingPlaces(answers); missing.length > 0; missing = missingPlaces(answers)) {
      const wanted = missing.map((place) => jobs[place]!);
      const holders = await this.#keys.holders(runner, wanted);
      for (const [index, place] of missing.entries()) {
        const holder = holders[index];
        if (holder) answers[place] = await this.#meet(runner, jobs[place]!, holder);
      }
      const again = missingPlaces(answers).map((place) => jobs[place]!);
      if (again.length === 0) return;
      await this.#keys.release(runner, again);
      const inserted = await this.#insert(runner, again);
      for (const place of missingPlaces(answers))
        answers[place] = toAccepted(jobs[place]!, inserted.get(jobs[place]!.id));
    }
  }

  /** `undefined`: the holder changed meanwhile. */
  async #meet(runner: SqlRunner, job: NewJob, holder: KeyHolder): Promise<Accepted | undefined> {
    const { attempt, ...facts } = holder;
    const joined = { ...facts, duplicate: true };
    if ((job.deduplicate ?? "join") === "join" || isTerminal(holder.state)) return joined;
    if (attempt === 0) {
      const replaced = await this.#keys.replace(runner, holder.id, toRow(job));
      return replaced ? { ...joined, ...replaced, replaced: true } : undefined;
    }
    if (job.deduplicate === "replace") return joined;
    const successor = await this.#keys.succeed(runner, holder.id, toRow(job));
    if (!successor) return undefined;
    return { ...toFresh(job), ...successor, follows: true };
  }
}

function toRow(job: NewJob) {
  return {
    id: job.id,
    tenant: job.tenant,
    job: job.job,
    queue: job.queue,
    state: job.scheduled ? "scheduled" : "accepted",
    priority: job.priority,
    payload: job.payload,
    retry_attempts: job.retryAttempts,
    run_at: job.runAt,
    relay_grace_ms: job.relayGraceMs,
    expires_at: job.expiresAt,
    deduplication_key: job.deduplicationKey,
    deduplicate_for_ms: job.deduplicateForMs,
    tags: job.tags && job.tags.length > 0 ? job.tags : undefined,
    correlation_id: job.correlationId,
    traceparent: job.traceparent,
    payload_version: job.payloadVersion,
    payload_blob: job.payloadBlob,
    parent_id: job.parentId,
    batch_id: job.batchId,
  };
}

/** Writers that wait for each other's keys must meet them in one order, or Postgres ends one of them as a deadlock. */
function inKeyOrder(jobs: readonly NewJob[]): readonly NewJob[] {
  if (jobs.length === 1 || !jobs.some((job) => job.deduplicationKey !== undefined)) return jobs;
  const order = (job: NewJob) =>
    job.deduplicationKey === undefined ? "" : `${job.tenant}/${job.job}/${job.deduplicationKey}`;
  return jobs.toSorted((a, b) => (order(a) < order(b) ? -1 : order(a) > order(b) ? 1 : 0));
}

function toFresh(job: NewJob) {
  return { id: job.id, runAt: job.runAt, duplicate: false };
}

/** A job that turned out to be recorded already. Whether it waits for another is not known: the relay knows. */
export function toRecorded(job: NewJob, row: InsertedRow): Accepted {
  return { ...toFresh(job), state: row.state, acceptedAt: new Date(row.accepted_ms), follows: true };
}

function toAccepted(job: NewJob, row: InsertedRow | undefined): Accepted | undefined {
  return row && { ...toFresh(job), state: row.state, acceptedAt: new Date(row.accepted_ms) };
}

function missingPlaces(answers: readonly (Accepted | undefined)[]): number[] {
  return answers.flatMap((answer, place) => (answer ? [] : [place]));
}
