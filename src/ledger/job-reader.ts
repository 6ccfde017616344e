import type { ErrorSummary } from "#core/errors.ts";
import { readJson } from "#core/large-json.ts";
import type { Priority } from "#core/priority.ts";
import type { BlobStore } from "#core/services.ts";
import type { SqlRow } from "#core/sql.ts";
import type { Database } from "./database.ts";
import { type AttemptOutcome, type JobState, openStates } from "./job-state.ts";

export interface AttemptView {
  readonly number: number;
  readonly startedAt: string;
  readonly finishedAt: string | null;
  readonly outcome: AttemptOutcome | "running";
  readonly error: ErrorSummary | null;
}

/** A finished `ctx.step`, and the attempt that finished it. */
export interface StepView {
  readonly name: string;
  readonly attempt: number;
  readonly finishedAt: string;
}

/** A job as `GET /v1/jobs/{id}` shows it. Instants are ISO 8601 in UTC. */
export interface JobView {
  readonly id: string;
  readonly job: string;
  readonly queue: string;
  readonly tenant: string;
  readonly state: JobState;
  /** `null` where only the engine knows the job (`durability: "redis"`): it does not say. */
  readonly priority: Priority | null;
  readonly attempts: readonly AttemptView[];
  /** Steps that will not be done again, in the order they finished. */
  readonly steps: readonly StepView[];
  readonly progress: { readonly fraction: number; readonly note: string | null };
  readonly acceptedAt: string;
  readonly runAt: string;
  readonly startedAt: string | null;
  readonly finishedAt: string | null;
  readonly expiresAt: string | null;
  readonly tags: readonly string[];
  readonly correlationId: string | null;
  readonly deduplicationKey: string | null;
  readonly batchId: string | null;
  /** The job that must end first: this one is its successor (`keep-last`). `null` once it has. */
  readonly follows: string | null;
  readonly result: unknown;
  readonly error: ErrorSummary | null;
  /** Grows with every visible change. */
  readonly revision: number;
}

/** A line of a list: everything but the result and the attempts. */
export type JobLine = Omit<JobView, "result" | "attempts" | "steps" | "revision">;

export interface JobFilter {
  /** `null`: all tenants. */
  readonly tenant: string | null;
  readonly state?: JobState | undefined;
  readonly job?: string | undefined;
  readonly queue?: string | undefined;
  readonly tag?: string | undefined;
  readonly batch?: string | undefined;
  readonly since?: Date | undefined;
  /** Ids below this one: the last id of the page before. */
  readonly before?: string | undefined;
  readonly limit: number;
}

export interface QueueEnds {
  readonly queue: string;
  readonly state: JobState;
  readonly count: number;
}

export interface QueueDepth {
  readonly queue: string;
  readonly state: JobState;
  readonly count: number;
  /** Age of the oldest due job of that state, ms. */
  readonly oldestMs: number;
}

const lineColumns = `id, job, queue, tenant, state, priority, progress, progress_note, accepted_at, run_at, started_at,
  finished_at, expires_at, tags, correlation_id, coalesce(deduplication_key, yielded_key) as deduplication_key,
  batch_id, follows, error, revision`;

/** Reads the ledger; never changes it. */
export class JobReader {
  readonly #database: Database;
  readonly #blobs: Pick<BlobStore, "read">;

  /** `blobs`: where results too large for a row are. */
  constructor(database: Database, blobs: Pick<BlobStore, "read">) {
    this.#database = database;
    this.#blobs = blobs;
  }

  async find(tenant: string | null, id: string): Promise<JobView | null> {
    const { rows } = await this.#database.executeSql(
      `select ${lineColumns}, attempt, attempts, result, result_blob,
              (select json_agg(json_build_object('name', s.name, 'attempt', s.attempt, 'finishedAt', s.finished_at) order by s.finished_at)
               from ${this.#database.schema}.steps s where s.job_id = j.id) as steps
       from ${this.#database.schema}.jobs j
       where id = $2 and ($1::text is null or tenant = $1)`,
      [tenant, id],
    );
    const row = rows[0];
    if (!row) return null;
    const running: AttemptView[] =
      row.state === "running"
        ? [{ number: row.attempt, startedAt: iso(row.started_at)!, finishedAt: null, outcome: "running", error: null }]
        : [];
    const ended = row.attempts.map((a: AttemptView) => ({
      ...a,
      startedAt: iso(a.startedAt),
      finishedAt: iso(a.finishedAt),
    }));
    const steps = (row.steps ?? []).map((step: StepView) => ({ ...step, finishedAt: iso(step.finishedAt) }));
    const result = (await readJson(this.#blobs, { inline: row.result ?? null, blob: row.result_blob })) ?? null;
    return { ...toLine(row), attempts: [...ended, ...running], steps, result, revision: row.revision };
  }

  /** Newest first; ids are UUIDv7, so their order is the order of acceptance. */
  async list(filter: JobFilter): Promise<readonly JobLine[]> {
    const conditions: string[] = [];
    const values: unknown[] = [];
    const where = (condition: (place: string) => string, value: unknown) => {
      if (value === undefined || value === null) return;
      values.push(value);
      conditions.push(condition(`$${values.length}`));
    };
    where((p) => `tenant = ${p}`, filter.tenant);
    where((p) => `state = ${p}`, filter.state);
    if (filter.state === "dead") conditions.push("finished_at is not null and error is not null"); // jobs_unsuccessful
    where((p) => `job = ${p}`, filter.job);
    where((p) => `queue = ${p}`, filter.queue);
    where((p) => `batch_id = ${p}`, filter.batch);
    where((p) => `tags @> array[${p}]::text[]`, filter.tag);
    where((p) => `accepted_at >= ${p}`, filter.since);
    where((p) => `id < ${p}`, filter.before);
    values.push(filter.limit);
    const { rows } = await this.#database.executeSql(
      `select ${lineColumns} from ${this.#database.schema}.jobs
       ${conditions.length > 0 ? `where ${conditions.join(" and ")}` : ""}
       order by id desc limit $${values.length}`,
      values,
    );
    return rows.map(toLine);
  }

  /** Versions of the payloads that wait in these queues, with how many of each. */
  async openVersions(queues: readonly string[]): Promise<readonly { job: string; version: number; count: number }[]> {
    const { rows } = await this.#database.executeSql(
      `select job, payload_version as version, count(*)::int as count from ${this.#database.schema}.jobs
       where queue = any($1) and finished_at is null group by job, payload_version order by job, payload_version`,
      [queues],
    );
    return rows.map((row) => ({ job: row.job, version: row.version, count: row.count }));
  }

  /** How many jobs of each queue ended in the last `sinceMs`, by state. */
  async ended(queues: readonly string[], sinceMs: number, tenant: string | null): Promise<readonly QueueEnds[]> {
    const { rows } = await this.#database.executeSql(
      `select queue, state, count(*)::int as count from ${this.#database.schema}.jobs
       where queue = any($1) and finished_at > now() - $2::float8 * interval '1 millisecond'
         and ($3::text is null or tenant = $3) group by queue, state`,
      [queues, sinceMs, tenant],
    );
    return rows as QueueEnds[];
  }

  /** Open jobs by queue and state, of one tenant or (`null`) of all. */
  async depths(tenant: string | null = null): Promise<readonly QueueDepth[]> {
    const { rows } = await this.#database.executeSql(
      `select queue, state, count(*)::int as count,
              greatest(0, extract(epoch from now() - min(greatest(run_at, accepted_at))) * 1000)::float8 as oldest_ms
       from ${this.#database.schema}.jobs
       where finished_at is null and state = any($1) and ($2::text is null or tenant = $2) group by queue, state`,
      [openStates, tenant],
    );
    return rows.map((row) => ({ queue: row.queue, state: row.state, count: row.count, oldestMs: row.oldest_ms }));
  }
}

function toLine(row: SqlRow): JobLine {
  return {
    id: row.id,
    job: row.job,
    queue: row.queue,
    tenant: row.tenant,
    state: row.state,
    priority: row.priority,
    progress: { fraction: row.progress, note: row.progress_note },
    acceptedAt: iso(row.accepted_at)!,
    runAt: iso(row.run_at)!,
    startedAt: iso(row.started_at),
    finishedAt: iso(row.finished_at),
    expiresAt: iso(row.expires_at),
    tags: row.tags ?? [],
    correlationId: row.correlation_id,
    deduplicationKey: row.deduplication_key,
    batchId: row.batch_id,
    follows: row.follows,
    error: row.error,
  };
}

function iso(instant: Date | string | null): string | null {
  return instant === null ? null : new Date(instant).toISOString();
}
