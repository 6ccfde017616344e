import { seconds } from "#core/duration.ts";
import type { ErrorSummary } from "#core/errors.ts";
import { NightshiftError, StoreUnavailable } from "#core/errors.ts";
import type { Priority } from "#core/priority.ts";
import type { SqlRow, SqlRunner } from "#core/sql.ts";
import { Acceptance, type Accepted, type InsertedRow, type NewJob, toRecorded } from "./acceptance.ts";
import { Announcer } from "./announcer.ts";
import { Batcher } from "./batcher.ts";
import { type Database, isConnectionError, isRowError, isTimeout } from "./database.ts";
import { Deduplication, KeyTaken } from "./deduplication.ts";
import { type AttemptOutcome, isTerminal, type JobState } from "./job-state.ts";
import { byId, inRounds } from "./rounds.ts";
import { type Statements, statements } from "./statements.ts";
import { acceptSurely } from "./sure-accept.ts";

export type Started =
  | {
      readonly kind: "started";
      readonly attempt: number;
      readonly payload: unknown;
      /** SHA-256 of a payload that is too large for the row; `payload` is then null. */
      readonly payloadBlob: string | null;
      readonly payloadVersion: number;
      /** When it was due, as whoever asked last wanted it, and when the attempt began; epoch ms, to the microsecond. */
      readonly runMs: number;
      readonly startedMs: number;
      /** How long the job had been due. */
      readonly waitMs: number;
      readonly traceparent: string | null;
    }
  /** Already done: its result, so that the handler is not run again. */
  | { readonly kind: "completed"; readonly result: unknown }
  /** Replaced while it waited, by one that is not to run for so long yet. */
  | { readonly kind: "early"; readonly delayMs: number }
  /** Not to be run: cancelled, dead, expired, or pruned. */
  | { readonly kind: "refused"; readonly state: JobState | "missing" };

/** What an attempt comes to. `state` is the state the job goes to. */
export interface Settlement {
  readonly id: string;
  readonly lease: string;
  readonly state: JobState;
  readonly outcome: AttemptOutcome;
  readonly spends: boolean;
  readonly result?: unknown;
  /** SHA-256 of a result that is too large for the row; `result` is then null. */
  readonly resultBlob?: string | null;
  readonly error?: ErrorSummary | undefined;
  readonly runInMs?: number | undefined;
}

/** The dead letter of a job without a row. */
export interface DeadJob {
  readonly id: string;
  readonly tenant: string;
  readonly job: string;
  readonly queue: string;
  readonly payload: unknown;
  readonly payloadVersion: number;
  readonly retryAttempts: number;
  readonly acceptedAt: Date;
  readonly startedAt: Date;
  readonly spent: number;
  readonly error: ErrorSummary;
  readonly deduplicationKey?: string | undefined;
  readonly traceparent?: string | undefined;
}

/** How far a running attempt is: 0 to 1. */
export interface Progress {
  readonly id: string;
  readonly lease: string;
  readonly fraction: number;
  readonly note: string | null;
}

/** The engine-facing facts of a ledger row. */
export interface DueJob {
  readonly id: string;
  readonly tenant: string;
  readonly job: string;
  readonly queue: string;
  readonly priority: Priority;
  readonly retryAttempts: number;
  /** Attempts spent already: an engine that is given the job anew counts from zero. */
  readonly spent: number;
  readonly acceptedAt: Date;
  readonly traceparent: string | null;
}

/** The lease that was to commit no longer holds the job: somebody else has it, or it ended. Nothing was written. */
export class LeaseNotHeld extends NightshiftError {
  readonly code = "lease_lost";

  constructor() {
    super("Expected the attempt's lease to hold the job, it does not any more: nothing was written");
  }
}

/** One worker's hold on one job. */
export interface Claim {
  readonly id: string;
  readonly lease: string;
  readonly leaseMs: number;
}

/** An attempt as it began. Its number alone is not its name: if Postgres forgets the start, another may get the same. */
export type Begun = Extract<Started, { kind: "started" }>;

/** `held`: begun again already, by whoever noticed first. `lost`: something else happened to the job since. */
export type Restarted = "restarted" | "held" | "lost";

const maxRowsPerStatement = 1_000;
/** Payloads that wait for their group are in memory: what comes beyond these is told 503. */
const maxWaitingAccepts = 10_000;

/**
 * The record of every job, and the only judge of who may change one. `start` and `settle` are compare-and-set on the
 * lease: a stale attempt changes nothing and is told so. Writes of many callers are committed together.
 */
export class Ledger {
  readonly #database: Database;
  readonly #sql: Statements;
  readonly #acceptance: Acceptance;
  readonly #keys: Deduplication;
  readonly #announcer: Announcer;
  readonly #accepts: Batcher<NewJob, Accepted>;
  readonly #starts: Batcher<Claim, Started>;
  readonly #settles: Batcher<Settlement, boolean>;
  readonly #progress: Batcher<Progress, undefined>;
  readonly #marks: Batcher<string, undefined>;

  constructor(database: Database) {
    this.#database = database;
    this.#sql = statements(database.schema);
    this.#keys = new Deduplication(database.schema);
    this.#acceptance = new Acceptance(database, this.#sql);
    this.#announcer = new Announcer(database);
    const group = { maxItems: 500, maxWaitMs: 3, maxInFlight: 2, isRowError, isAway };
    this.#accepts = new Batcher({
      ...group,
      maxPending: maxWaitingAccepts,
      full: () => new StoreUnavailable("postgres", new Error("Too many jobs wait to be accepted")),
      flush: (jobs) => this.#acceptSurely(jobs, (rest) => this.acceptIn(this.#database, rest)),
    });
    this.#starts = new Batcher({ ...group, flush: (claims) => inRounds(claims, (some) => this.#startAll(some)) });
    this.#settles = new Batcher({
      ...group,
      flush: (settlements) => inRounds(settlements, (some) => this.#settleAll(some)),
    });
    this.#progress = new Batcher({
      ...group,
      maxInFlight: 1,
      flush: (said) => inRounds(said, (some) => this.#progressAll(some)),
    });
    this.#marks = new Batcher({
      ...group,
      maxItems: 1_000,
      maxWaitMs: 25,
      maxInFlight: 1,
      flush: (ids) => this.#markAll(ids),
    });
  }

  /** Record a job durably. Resolves after the commit. Rejects with StoreUnavailable when Postgres does not answer. */
  accept(job: NewJob): Promise<Accepted> {
    return this.#accepts.add(job);
  }

  /** Record jobs through the caller's own connection or transaction: all of them or, when it rolls back, none. */
  acceptIn(runner: SqlRunner, jobs: readonly NewJob[]): Promise<Accepted[]> {
    return reach(() => this.#acceptance.accept(runner, jobs));
  }

  /** Record many jobs in one commit, all or nothing. */
  acceptTogether(jobs: readonly NewJob[]): Promise<Accepted[]> {
    return this.#acceptSurely(jobs, (rest) => this.#acceptInOneCommit(rest));
  }

  /** An engine holds these now. Fire and forget: a mark that fails leaves the row to the relay, which repeats it. */
  async markQueued(id: string): Promise<void> {
    await this.#marks.add(id);
  }

  /** Begin the next attempt of a job under `lease`. */
  start(id: string, lease: string, leaseMs: number = seconds(30)): Promise<Started> {
    return this.#starts.add({ id, lease, leaseMs });
  }

  /**
   * Begin an attempt again whose lease holds nothing any more although nobody took the job: a Postgres that was killed may
   * have forgotten the start, which does not wait for the disk. Safe to repeat, and to ask from several places at once.
   */
  async restart({ id, lease, leaseMs }: Claim, begun: Begun): Promise<Restarted> {
    const { attempt, payload, payloadBlob, payloadVersion, runMs, startedMs } = begun;
    const had = [attempt, JSON.stringify(payload), payloadBlob, payloadVersion, runMs, startedMs];
    const values = [[id], [lease], [leaseMs], ...had];
    const { rows } = await reach(() => this.#database.hot("ledger_restart", this.#sql.restart, values));
    this.#announcer.changed(rows.map((row) => row.id));
    if (rows.length > 0) return rows[0].state === "running" ? "restarted" : "lost";
    return (await this.renew([{ id, lease }], leaseMs)).has(id) ? "held" : "lost";
  }

  /** Hold these running jobs for another `leaseMs`. Resolves with the ids whose lease is still the job's. */
  async renew(claims: readonly Omit<Claim, "leaseMs">[], leaseMs: number): Promise<ReadonlySet<string>> {
    const held = byId(claims);
    const values = [held.map((claim) => claim.id), held.map((claim) => claim.lease), leaseMs];
    const { rows } = await reach(() => this.#database.hot("ledger_renew", this.#sql.renew, values));
    return new Set(rows.map((row) => row.id as string));
  }

  /** End an attempt. `false`: the lease is no longer the job's, and nothing was changed. */
  settle(settlement: Settlement): Promise<boolean> {
    return this.#settles.add(settlement);
  }

  /**
   * What that attempt came to, or `null` while nothing is known of it. Only the holder of its lease can have written
   * anything but `lost`: so a settle whose answer was lost finds out whether it counted.
   */
  async attemptOutcome(id: string, begun: Pick<Begun, "attempt" | "startedMs">): Promise<AttemptOutcome | null> {
    const values = [id, begun.attempt, begun.startedMs];
    const { rows } = await reach(() => this.#database.executeSql(this.#sql.attemptOutcome, values));
    return rows[0]?.outcome ?? null;
  }

  /** End an attempt and accept the jobs it made, in one commit. `null`: the lease is no longer the job's, nothing was changed. */
  settleWith(settlement: Settlement, jobs: readonly NewJob[]): Promise<Accepted[] | null> {
    return reach(() =>
      this.#database.transaction(async (client) => {
        const runner = toRunner(client);
        const { rows } = await runner.executeSql(this.#sql.settle, [JSON.stringify([toSettleRow(settlement)])]);
        return rows.length > 0 ? this.acceptIn(runner, jobs) : null;
      }),
    ).then((accepted) => {
      if (accepted) this.#announcer.changed([settlement.id]);
      return accepted;
    });
  }

  /**
   * Run a handler's writes in a transaction that commits only while `held` has the job. The row is locked meanwhile, so
   * nobody can take the job over in between. `null`: a job without a row, so there is nothing to hold. Rejects with
   * LeaseNotHeld before anything is written.
   */
  commit<T>(
    held: { readonly id: string; readonly lease: string } | null,
    write: (sql: SqlRunner) => Promise<T>,
  ): Promise<T> {
    return reach(() =>
      this.#database.transaction(async (client) => {
        const runner = toRunner(client);
        if (held) {
          const { rows } = await runner.executeSql(this.#sql.hold, [held.id, held.lease]);
          if (rows.length === 0) throw new LeaseNotHeld();
        }
        return write(runner);
      }),
    );
  }

  async progress(said: Progress): Promise<void> {
    await this.#progress.add(said);
  }

  /** Cancel a waiting job at once, or ask a running one. `null`: no such job. Terminal jobs are left as they are. */
  async cancel(
    tenant: string | null,
    id: string,
  ): Promise<{ queue: string; before: JobState; after: JobState } | null> {
    const { rows } = await reach(() => this.#database.executeSql(this.#sql.cancel, [tenant, id]));
    const row = rows[0];
    return row ? { queue: row.queue, before: row.state_before, after: row.state_after ?? row.state_before } : null;
  }

  /** End jobs whose `expiresAt` passed before they began. Resolves with what must leave the engines. */
  async expire(limit: number): Promise<readonly { id: string; queue: string }[]> {
    const { rows } = await this.#database.executeSql(this.#sql.expire, [limit]);
    return rows.map((row) => ({ id: row.id, queue: row.queue }));
  }

  /** Make successors due whose predecessors have ended. Resolves with how many. */
  promoteSuccessors(limit: number): Promise<number> {
    return this.#keys.promote(this.#database, limit);
  }

  /** Give a dead job new attempts. `null` when there is no dead job of that id. Rejects with KeyTaken. */
  async redrive(tenant: string | null, id: string): Promise<DueJob | null> {
    const { rows } = await reach(() => this.#database.executeSql(this.#sql.redrive, [tenant, id])).catch(
      (error: unknown) => {
        throw (error as { constraint?: unknown }).constraint === "jobs_living_key" ? new KeyTaken() : error;
      },
    );
    return rows[0] ? toDueJob(rows[0]) : null;
  }

  /** Lock rows that are due and not in an engine, for as long as `runner`'s transaction lasts; not those of `except`. */
  async claimForRelay(runner: SqlRunner, limit: number, except: readonly string[] = []): Promise<readonly DueJob[]> {
    return (await runner.executeSql(this.#sql.claimForRelay, [limit, except])).rows.map(toDueJob);
  }

  /** Resolves with those that changed: `announce` them once `runner`'s transaction, which will not wait for the disk, is over. */
  async markQueuedIn(runner: SqlRunner, ids: readonly string[]): Promise<readonly string[]> {
    return (await runner.executeSql(this.#sql.markQueued, [ids])).rows.map((row) => row.id);
  }

  /** Tell watchers of changes that have been committed. */
  announce(ids: readonly string[]): void {
    this.#announcer.changed(ids);
  }

  async deferRelayIn(runner: SqlRunner, ids: readonly string[]): Promise<void> {
    await runner.executeSql(this.#sql.deferRelay, [ids]);
  }

  /** End a job that its engine gave up without a worker's verdict. `false`: it had ended, or changed since `revision`. */
  async bury(id: string, error: ErrorSummary, revision: number | null = null): Promise<boolean> {
    const values = [id, JSON.stringify(error), revision];
    const { rows } = await reach(() => this.#database.executeSql(this.#sql.bury, values));
    return rows.length > 0;
  }

  /** Keep the dead letter of a job that had no row, because its queue is redis-durable. Safe to repeat. */
  async recordDead(job: DeadJob): Promise<void> {
    await reach(() =>
      this.#database.executeSql(this.#sql.recordDead, [
        job.id,
        job.tenant,
        job.job,
        job.queue,
        JSON.stringify(job.payload),
        job.retryAttempts,
        job.acceptedAt,
        job.startedAt,
        job.spent,
        JSON.stringify(job.error),
        job.deduplicationKey ?? null,
        job.traceparent ?? null,
        job.payloadVersion,
      ]),
    );
  }

  /** Which of these running jobs were asked to stop. For a worker that may have missed the notification. */
  async cancelRequested(ids: readonly string[]): Promise<readonly string[]> {
    const { rows } = await this.#database.executeSql(this.#sql.cancelRequested, [ids]);
    return rows.map((row) => row.id as string);
  }

  /** Write what is gathered, then refuse. */
  async stop(): Promise<void> {
    await Promise.all([this.#accepts, this.#starts, this.#settles, this.#progress, this.#marks].map((b) => b.stop()));
    await this.#announcer.stop();
  }

  #acceptInOneCommit(jobs: readonly NewJob[]): Promise<Accepted[]> {
    if (jobs.length <= maxRowsPerStatement) return this.acceptIn(this.#database, jobs);
    return reach(() =>
      this.#database.transaction(async (client) => {
        const runner = toRunner(client);
        const accepted: Accepted[] = [];
        for (let from = 0; from < jobs.length; from += maxRowsPerStatement)
          accepted.push(...(await this.acceptIn(runner, jobs.slice(from, from + maxRowsPerStatement))));
        return accepted;
      }),
    );
  }

  #acceptSurely(
    jobs: readonly NewJob[],
    accept: (jobs: readonly NewJob[]) => Promise<Accepted[]>,
  ): Promise<Accepted[]> {
    const { acceptMs } = this.#database.patience;
    return acceptSurely(jobs, { accept, recorded: (known) => this.#recorded(known), patienceMs: acceptMs });
  }

  /** Those of these jobs that are recorded under their own id. */
  async #recorded(jobs: readonly NewJob[]): Promise<Map<string, Accepted>> {
    const ids = JSON.stringify(jobs.map((job) => job.id));
    const { rows } = await reach(() => this.#database.hot("ledger_recorded", this.#sql.recorded, [ids]));
    const found = new Map((rows as InsertedRow[]).map((row) => [row.id, row]));
    const known = jobs.filter(({ id }) => found.has(id));
    return new Map(known.map((job) => [job.id, toRecorded(job, found.get(job.id)!)]));
  }

  async #startAll(claims: readonly Claim[]): Promise<Started[]> {
    const values = [claims.map((c) => c.id), claims.map((c) => c.lease), claims.map((c) => c.leaseMs)];
    const { rows } = await reach(() => this.#database.hot("ledger_start", this.#sql.start, values));
    const begun = new Map(rows.map((row) => [row.id, row]));
    this.#announcer.changed(begun.keys());
    const others = claims.filter((claim) => !begun.has(claim.id)).map((claim) => claim.id);
    const ended = new Map(others.length > 0 ? await this.#ended(others) : []);
    return claims.map(({ id }): Started => {
      const row = begun.get(id) ?? ended.get(id);
      if (!row) return { kind: "refused", state: "missing" };
      if (row.state === "completed") return { kind: "completed", result: row.result };
      if (row.early_ms > 0 && !isTerminal(row.state)) return { kind: "early", delayMs: Math.ceil(row.early_ms) };
      if (row.state !== "running" || !begun.has(id)) return { kind: "refused", state: row.state };
      return {
        kind: "started",
        attempt: row.attempt,
        payload: row.payload,
        payloadBlob: row.payload_blob,
        payloadVersion: row.payload_version,
        runMs: row.run_ms,
        startedMs: row.started_ms,
        waitMs: row.wait_ms,
        traceparent: row.traceparent,
      };
    });
  }

  async #ended(ids: readonly string[]): Promise<[string, SqlRow][]> {
    const { rows } = await reach(() => this.#database.executeSql(this.#sql.endedResult, [ids]));
    return rows.map((row) => [row.id, row]);
  }

  async #settleAll(settlements: readonly Settlement[]): Promise<boolean[]> {
    const rows = settlements.map(toSettleRow);
    const answer = await reach(() => this.#database.hot("ledger_settle", this.#sql.settle, [JSON.stringify(rows)]));
    const settled = new Set(answer.rows.map((row) => row.id as string));
    this.#announcer.changed(settled);
    return settlements.map(({ id }) => settled.has(id));
  }

  async #progressAll(said: readonly Progress[]): Promise<undefined[]> {
    const { rows } = await this.#database.hot("ledger_progress", this.#sql.progress, [
      said.map((p) => p.id),
      said.map((p) => p.lease),
      said.map((p) => p.fraction),
      said.map((p) => p.note),
    ]);
    this.#announcer.changed(rows.map((row) => row.id));
    return said.map(() => undefined);
  }

  async #markAll(ids: readonly string[]): Promise<undefined[]> {
    const { rows } = await this.#database.hot("ledger_mark", this.#sql.markQueued, [ids]);
    this.#announcer.changed(rows.map((row) => row.id));
    return ids.map(() => undefined);
  }
}

function toRunner(client: { query(text: string, values?: unknown[]): Promise<{ rows: SqlRow[] }> }): SqlRunner {
  return { executeSql: (text, values) => client.query(text, values) };
}

function toSettleRow(settlement: Settlement) {
  return {
    id: settlement.id,
    lease: settlement.lease,
    state: settlement.state,
    outcome: settlement.outcome,
    spend: settlement.spends ? 1 : 0,
    result: settlement.result,
    result_blob: settlement.resultBlob,
    error: settlement.error,
    run_in_ms: settlement.runInMs,
  };
}

function toDueJob(row: Record<string, unknown>): DueJob {
  return {
    id: row.id as string,
    tenant: row.tenant as string,
    job: row.job as string,
    queue: row.queue as string,
    priority: row.priority as Priority,
    retryAttempts: row.retry_attempts as number,
    spent: row.spent as number,
    acceptedAt: row.accepted_at as Date,
    traceparent: row.traceparent as string | null,
  };
}

/** Postgres itself does not answer: unlike a statement that waited too long for somebody's lock. */
function isAway(error: unknown): boolean {
  return error instanceof StoreUnavailable && !isTimeout(error);
}

/** Run a database call; a lost or refused connection becomes StoreUnavailable. */
async function reach<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw isConnectionError(error) ? new StoreUnavailable("postgres", error) : error;
  }
}
