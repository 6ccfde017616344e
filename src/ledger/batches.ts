import type { BatchSummary } from "#core/batch.ts";
import type { ErrorSummary } from "#core/errors.ts";
import type { SqlRow, SqlRunner } from "#core/sql.ts";
import type { Database } from "./database.ts";
import { isTerminal, type JobState, terminalStates } from "./job-state.ts";

/** The job that is accepted when all others have ended. */
export interface Completion {
  readonly job: string;
  readonly payload: unknown;
  readonly payloadVersion: number;
  readonly options: Readonly<Record<string, unknown>>;
  readonly traceparent?: string | undefined;
}

/** A batch as `GET /v1/batches/{id}` shows it. Instants are ISO 8601 in UTC. */
export interface BatchView {
  readonly id: string;
  readonly tenant: string;
  /** Jobs in it. */
  readonly total: number;
  /** Requests that joined a job outside the batch: not counted, and not waited for. */
  readonly joined: number;
  /** Jobs that have not ended. */
  readonly open: number;
  /** Jobs by state; from `finishedAt` on as they were then. */
  readonly counts: Readonly<Partial<Record<JobState, number>>>;
  readonly createdAt: string;
  /** From then on no job is added; `null`: more may come. */
  readonly sealedAt: string | null;
  readonly finishedAt: string | null;
  /** `error`: why the job was not accepted although the batch has finished. */
  readonly completion: {
    readonly job: string;
    readonly jobId: string | null;
    readonly error: ErrorSummary | null;
  } | null;
}

/** A batch whose jobs have all ended, locked by whoever finishes it. */
export interface ReadyBatch {
  readonly tenant: string;
  readonly completion: Completion | null;
  readonly summary: BatchSummary;
}

/** What is written when a batch finishes. */
export interface Finish {
  readonly completionJobId: string | null;
  readonly completionError: ErrorSummary | null;
}

/** Jobs that belong together. Their number is kept in the batch's row, which is the lock under which it is filled. */
export class Batches {
  readonly #database: Database;
  readonly #batches: string;
  readonly #jobs: string;

  constructor(database: Database) {
    this.#database = database;
    this.#batches = `${database.schema}.batches`;
    this.#jobs = `${database.schema}.jobs`;
  }

  async create(runner: SqlRunner, id: string, tenant: string, completion: Completion | null): Promise<void> {
    await runner.executeSql(`insert into ${this.#batches} (id, tenant, total, completion) values ($1, $2, 0, $3)`, [
      id,
      tenant,
      completion && JSON.stringify(completion),
    ]);
  }

  /** Lock a batch, so that it is neither filled nor sealed by anybody else meanwhile. `null`: the tenant has no such batch. */
  async lock(runner: SqlRunner, tenant: string, id: string): Promise<{ total: number; sealed: boolean } | null> {
    const { rows } = await runner.executeSql(
      `select total, sealed_at is not null as sealed from ${this.#batches} where tenant = $1 and id = $2 for update`,
      [tenant, id],
    );
    return rows[0] ? { total: rows[0].total, sealed: rows[0].sealed } : null;
  }

  /** Count what was added to a locked batch. */
  async count(runner: SqlRunner, id: string, added: number, joined: number): Promise<void> {
    await runner.executeSql(`update ${this.#batches} set total = total + $2, joined = joined + $3 where id = $1`, [
      id,
      added,
      joined,
    ]);
  }

  /** Take no more jobs. Safe to repeat. `false`: no such batch. */
  async seal(runner: SqlRunner, tenant: string | null, id: string): Promise<boolean> {
    const { rows } = await runner.executeSql(
      `update ${this.#batches} set sealed_at = coalesce(sealed_at, now())
       where id = $2 and ($1::text is null or tenant = $1) returning id`,
      [tenant, id],
    );
    return rows.length > 0;
  }

  async find(tenant: string | null, id: string, runner: SqlRunner = this.#database): Promise<BatchView | null> {
    const { rows } = await runner.executeSql(
      `select *, case when counts is null then (select coalesce(json_object_agg(state, count), '{}') from
          (select state, count(*)::int as count from ${this.#jobs} where batch_id = b.id group by state) by_state) end as living
       from ${this.#batches} b where id = $2 and ($1::text is null or tenant = $1)`,
      [tenant, id],
    );
    return rows[0] ? toView(rows[0]) : null;
  }

  /** One sealed batch without an open job, but none of `skip`; locked while `runner`'s transaction lasts. */
  async claimReady(runner: SqlRunner, skip: readonly string[]): Promise<ReadyBatch | null> {
    // A subquery per batch: as a join it may be planned as a scan of every open job of every batch.
    const { rows } = await runner.executeSql(
      `select id, tenant, total, completion from ${this.#batches} b
       where finished_at is null and sealed_at is not null and id <> all($1::uuid[])
         and (select true from ${this.#jobs} j where j.batch_id = b.id and j.finished_at is null limit 1) is null
       limit 1 for update of b skip locked`,
      [skip],
    );
    const row = rows[0];
    if (!row) return null;
    const counted = await runner.executeSql(
      `select state, count(*)::int as count from ${this.#jobs} where batch_id = $1 group by state`,
      [row.id],
    );
    const counts = Object.fromEntries(terminalStates.map((state) => [state, 0]));
    for (const { state, count } of counted.rows) if (isTerminal(state)) counts[state] = count;
    const summary = { id: row.id, total: row.total, counts: counts as BatchSummary["counts"] };
    return { tenant: row.tenant, completion: row.completion, summary };
  }

  /** End a claimed batch. `false`: it was ended already. */
  async finish(runner: SqlRunner, { id, counts }: BatchSummary, finish: Finish): Promise<boolean> {
    const { rows } = await runner.executeSql(
      `update ${this.#batches} set finished_at = now(), counts = $2, completion_job_id = $3, completion_error = $4
       where id = $1 and finished_at is null returning id`,
      [
        id,
        JSON.stringify(counts),
        finish.completionJobId,
        finish.completionError && JSON.stringify(finish.completionError),
      ],
    );
    return rows.length > 0;
  }
}

function toView(row: SqlRow): BatchView {
  const counts: BatchView["counts"] = row.counts ?? row.living;
  const open = Object.entries(counts).filter(([state]) => !isTerminal(state as JobState));
  const iso = (instant: Date | null) => (instant === null ? null : instant.toISOString());
  return {
    id: row.id,
    tenant: row.tenant,
    total: row.total,
    joined: row.joined,
    open: open.reduce((sum, [, count]) => sum + count, 0),
    counts,
    createdAt: row.created_at.toISOString(),
    sealedAt: iso(row.sealed_at),
    finishedAt: iso(row.finished_at),
    completion: row.completion && {
      job: row.completion.job,
      jobId: row.completion_job_id,
      error: row.completion_error,
    },
  };
}
