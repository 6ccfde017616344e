import type { Priority } from "#core/priority.ts";
import type { SqlRunner } from "#core/sql.ts";
import type { Database } from "./database.ts";
import type { JobState } from "./job-state.ts";
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
  readonly retryAttempts: number;
  readonly runAt: Date;
  /** True when `runAt` is far enough away that the job waits in Postgres. */
  readonly scheduled: boolean;
  /** How long after it is due the relay leaves the row to the fast path of the process that accepts it. */
  readonly relayGraceMs: number;
  readonly expiresAt?: Date | undefined;
  readonly deduplicationKey?: string | undefined;
  readonly tags?: readonly string[] | undefined;
  readonly correlationId?: string | undefined;
  readonly traceparent?: string | undefined;
}

/** `duplicate`: `id` is the living job that this one joined. */
export interface Accepted {
  readonly id: string;
  readonly state: JobState;
  readonly acceptedAt: Date;
  readonly runAt: Date;
  readonly duplicate: boolean;
}

interface InsertedRow {
  readonly id: string;
  readonly state: JobState;
  readonly accepted_ms: number;
}

/** Writes new jobs, and joins those that meet a living duplicate to it. */
export class Acceptance {
  readonly #database: Database;
  readonly #sql: Statements;

  constructor(database: Database, sql: Statements) {
    this.#database = database;
    this.#sql = sql;
  }

  /** All jobs in one statement; answers in their order. */
  async accept(runner: SqlRunner, jobs: readonly NewJob[]): Promise<Accepted[]> {
    const inserted = await this.#insert(runner, jobs);
    const answers = jobs.map((job) => toAccepted(job, inserted.get(job.id)));
    await this.#joinDuplicates(runner, jobs, answers);
    return answers as Accepted[]; // the loop above ends when none is missing
  }

  async #insert(runner: SqlRunner, jobs: readonly NewJob[]) {
    const rows = jobs.map((job) => ({
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
      tags: job.tags && job.tags.length > 0 ? job.tags : undefined,
      correlation_id: job.correlationId,
      traceparent: job.traceparent,
      payload_version: job.payloadVersion,
      payload_blob: job.payloadBlob,
      parent_id: job.parentId,
    }));
    const values = [JSON.stringify(rows)];
    const answer =
      runner === this.#database
        ? await this.#database.hot("ledger_accept", this.#sql.accept, values)
        : await runner.executeSql(this.#sql.accept, values);
    return new Map((answer.rows as InsertedRow[]).map((row) => [row.id, row]));
  }

  /** Rows that met a living duplicate take its id; one whose duplicate ended meanwhile is inserted again. */
  async #joinDuplicates(runner: SqlRunner, jobs: readonly NewJob[], answers: (Accepted | undefined)[]): Promise<void> {
    for (let missing = missingPlaces(answers); missing.length > 0; missing = missingPlaces(answers)) {
      const wanted = missing.map((place) => jobs[place]!);
      const living = await runner.executeSql(this.#sql.findLiving, [
        wanted.map((job) => job.tenant),
        wanted.map((job) => job.job),
        wanted.map((job) => job.deduplicationKey ?? null),
      ]);
      for (const row of living.rows)
        answers[missing[row.place - 1]!] = {
          id: row.id,
          state: row.state,
          acceptedAt: new Date(row.accepted_ms),
          runAt: new Date(row.run_ms),
          duplicate: true,
        };
      const again = missingPlaces(answers);
      if (again.length === 0) return;
      const inserted = await this.#insert(
        runner,
        again.map((place) => jobs[place]!),
      );
      for (const place of again) answers[place] = toAccepted(jobs[place]!, inserted.get(jobs[place]!.id));
    }
  }
}

function toAccepted(job: NewJob, row: InsertedRow | undefined): Accepted | undefined {
  if (!row) return undefined;
  return { id: job.id, state: row.state, acceptedAt: new Date(row.accepted_ms), runAt: job.runAt, duplicate: false };
}

function missingPlaces(answers: readonly (Accepted | undefined)[]): number[] {
  return answers.flatMap((answer, place) => (answer ? [] : [place]));
}
