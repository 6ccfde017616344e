import type { ScheduleSpec } from "#core/schedule.ts";
import type { PauseReason, TickOutcome, TickRecord } from "#core/schedule-view.ts";
import type { SqlRow, SqlRunner } from "#core/sql.ts";
import { epochMs } from "./statements.ts";

/** A schedule as it is stored. Instants are milliseconds since 1970. */
export interface ScheduleRow extends ScheduleSpec {
  /** Outlived by nothing but its ticks: a schedule that is deleted and made again has another. */
  readonly id: string;
  readonly tenant: string;
  readonly name: string;
  readonly payloadVersion: number;
  readonly pausedWhy: PauseReason | null;
  readonly pausedAt: number | null;
  readonly next: Next | null;
  readonly fired: number;
  readonly lastTick: number | null;
  readonly lastJobId: string | null;
  readonly origin: "code" | "api";
  readonly edited: boolean;
  readonly declared: ScheduleSpec | null;
  readonly revision: number;
  readonly createdAt: number;
  readonly changedAt: number;
}

/** The tick that comes, and when its job is enqueued. */
export interface Next {
  readonly tick: number;
  readonly note: "gap" | "repeat" | null;
  readonly dueAt: number;
}

/** What `save` writes. */
export type ScheduleState = Pick<
  ScheduleRow,
  | "job"
  | "payload"
  | "payloadVersion"
  | "rule"
  | "overlap"
  | "missed"
  | "spreadMs"
  | "pausedWhy"
  | "next"
  | "fired"
  | "origin"
  | "edited"
  | "declared"
>;

/** What becomes of a schedule whose ticks were dealt with. */
export interface Advance {
  readonly id: string;
  readonly next: Next | null;
  readonly fired: number;
  readonly lastTick: number;
  /** `null`: none was enqueued. */
  readonly lastJobId: string | null;
}

/** A line of history to be written. */
export interface NewTick {
  readonly scheduleId: string;
  readonly tick: number;
  readonly until: number | null;
  readonly count: number | null;
  readonly outcome: TickOutcome;
}

/** A tick whose job is known. */
export interface TickJob extends Pick<NewTick, "scheduleId" | "tick" | "outcome"> {
  readonly jobId: string;
}

/**
 * Schedules and their ticks. Whoever changes a schedule holds its row until the commit: those who fire it, and those who
 * edit it, come one after the other. `now` is Postgres's, so that clocks of processes may differ.
 */
export class Schedules {
  readonly #table: string;
  readonly #ticks: string;
  readonly #jobs: string;
  readonly #schema: string;

  constructor(schema: string) {
    this.#schema = schema;
    this.#table = `${schema}.schedules`;
    this.#ticks = `${schema}.schedule_ticks`;
    this.#jobs = `${schema}.jobs`;
  }

  async now(runner: SqlRunner): Promise<number> {
    return (await runner.executeSql(`select ${epochMs("now()")} as now`)).rows[0]!.now;
  }

  /** `lock`: nobody else changes it until the transaction ends. */
  async find(runner: SqlRunner, tenant: string, name: string, lock = false): Promise<ScheduleRow | null> {
    const { rows } = await runner.executeSql(
      `select ${columns} from ${this.#table} where tenant = $1 and name = $2${lock ? " for update" : ""}`,
      [tenant, name],
    );
    return rows[0] ? toSchedule(rows[0]) : null;
  }

  /** By tenant and name, after `after`. */
  async list(
    runner: SqlRunner,
    filter: {
      tenant: string | null;
      job?: string | undefined;
      after?: readonly [tenant: string, name: string] | undefined;
      limit: number;
    },
  ): Promise<ScheduleRow[]> {
    const { rows } = await runner.executeSql(
      `select ${columns} from ${this.#table}
       where ($1::text is null or tenant = $1) and ($2::text is null or job = $2)
         and ($3::text is null or (tenant, name) > ($3, $4))
       order by tenant, name limit $5`,
      [filter.tenant, filter.job ?? null, ...(filter.after ?? [null, null]), filter.limit],
    );
    return rows.map(toSchedule);
  }

  /** Those that the code has declared, and those that the house itself has paused; locked. */
  async lockForReconciliation(runner: SqlRunner, declared: readonly string[], tenant: string): Promise<ScheduleRow[]> {
    const { rows } = await runner.executeSql(
      `select ${columns} from ${this.#table}
       where (tenant = $1 and (origin = 'code' or name = any($2))) or paused_why <> 'operator'
       order by id for update`,
      [tenant, declared],
    );
    return rows.map(toSchedule);
  }

  /** `null`: one of that name is there. */
  async insert(runner: SqlRunner, tenant: string, name: string, state: ScheduleState): Promise<ScheduleRow | null> {
    const { rows } = await runner.executeSql(
      `insert into ${this.#table} (tenant, name, job, payload, payload_version, rule, overlap, missed, spread_ms,
         paused_why, next_tick, next_note, next_due, fired, origin, edited, declared, paused_at)
       values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17,
         case when $10::text is not null then now() end)
       on conflict (tenant, name) do nothing returning ${columns}`,
      [tenant, name, ...values(state)],
    );
    return rows[0] ? toSchedule(rows[0]) : null;
  }

  /** Its row must be locked. */
  async save(runner: SqlRunner, id: string, state: ScheduleState): Promise<ScheduleRow> {
    const { rows } = await runner.executeSql(
      `update ${this.#table} set job = $2, payload = $3, payload_version = $4, rule = $5, overlap = $6, missed = $7,
         spread_ms = $8, paused_at = case when paused_why is not distinct from $9 then paused_at
           when $9::text is not null then now() end,
         paused_why = $9, next_tick = $10, next_note = $11, next_due = $12, fired = $13, origin = $14, edited = $15,
         declared = $16, revision = revision + 1, changed_at = now()
       where id = $1 returning ${columns}`,
      [id, ...values(state)],
    );
    return toSchedule(rows[0]!);
  }

  async remove(runner: SqlRunner, id: string): Promise<void> {
    await runner.executeSql(`delete from ${this.#table} where id = $1`, [id]);
  }

  /** A job that was started out of turn counts as the schedule's last. */
  async setLastJob(runner: SqlRunner, id: string, jobId: string): Promise<void> {
    await runner.executeSql(`update ${this.#table} set last_job_id = $2 where id = $1`, [id, jobId]);
  }

  /** Delivered by Postgres when the transaction commits: schedulers look again. */
  async tell(runner: SqlRunner): Promise<void> {
    await runner.executeSql(`select pg_notify('${this.#schema}_schedules', '')`);
  }

  /**
   * The longest due, locked; those that somebody else holds are left to them. Of jobs that this release does not know,
   * only those that have been due for `unknownGraceMs`: another release may know them. `limit` at most. Begins a transaction.
   */
  async claimDue(
    runner: SqlRunner,
    limit: number,
    knownJobs: readonly string[],
    unknownGraceMs: number,
  ): Promise<{ readonly now: number; readonly due: readonly ScheduleRow[] }> {
    await runner.executeSql(firingSettings);
    const { rows } = await runner.executeSql(
      `select ${columns}, ${epochMs("now()")} as now_ms from ${this.#table}
       where next_due <= now() and (job = any($2) or next_due <= now() - $3 * interval '1 millisecond')
       order by next_due limit $1 for update skip locked`,
      [limit, knownJobs, unknownGraceMs],
    );
    return { now: rows[0]?.now_ms ?? 0, due: rows.map(toSchedule) };
  }

  /** Milliseconds until the next is due, by Postgres's clock; below 0: one is overdue; `null`: none is planned. */
  async untilNextDue(runner: SqlRunner): Promise<number | null> {
    const { rows } = await runner.executeSql(
      `select ${epochMs("next_due")} - ${epochMs("clock_timestamp()")} as ms
       from ${this.#table} where next_due is not null order by next_due limit 1`,
    );
    return rows[0]?.ms ?? null;
  }

  /** Which of these jobs have not ended. */
  async openJobs(runner: SqlRunner, ids: readonly string[]): Promise<ReadonlySet<string>> {
    if (ids.length === 0) return new Set();
    const { rows } = await runner.executeSql(
      `select id from ${this.#jobs} where id = any($1::uuid[]) and finished_at is null`,
      [ids],
    );
    return new Set(rows.map((row) => row.id));
  }

  /** Write lines of history. Answers which are new: a tick that is there already has happened. */
  async record(runner: SqlRunner, ticks: readonly NewTick[]): Promise<ReadonlySet<string>> {
    const { rows } = await runner.executeSql(
      `insert into ${this.#ticks} (schedule_id, tick, until, count, outcome)
       select schedule_id, tick, until, count, outcome from json_to_recordset($1::json)
         as t (schedule_id bigint, tick timestamptz, until timestamptz, count integer, outcome text)
       on conflict (schedule_id, tick) do nothing returning schedule_id, ${epochMs("tick")} as at`,
      [
        JSON.stringify(
          ticks.map((one) => ({
            schedule_id: one.scheduleId,
            tick: new Date(one.tick),
            until: one.until === null ? null : new Date(one.until),
            count: one.count,
            outcome: one.outcome,
          })),
        ),
      ],
    );
    return new Set(rows.map((row) => tickKey(row.schedule_id, row.at)));
  }

  /** Jobs that wait for another job to end: the relay has them when it has ended, or is not kept any more. */
  async follow(runner: SqlRunner, pairs: readonly { readonly id: string; readonly follows: string }[]): Promise<void> {
    await runner.executeSql(
      `update ${this.#jobs} j set follows = p.follows, state = 'scheduled', relay_at = 'infinity', revision = j.revision + 1
       from unnest($1::uuid[], $2::uuid[]) as p (id, follows) where j.id = p.id`,
      [pairs.map(({ id }) => id), pairs.map(({ follows }) => follows)],
    );
  }

  /** Write the jobs of ticks, and where their schedules stand now. */
  async advance(runner: SqlRunner, advances: readonly Advance[], jobs: readonly TickJob[]): Promise<void> {
    await runner.executeSql(
      `with told as (
         update ${this.#ticks} t set job_id = j.job_id, outcome = j.outcome
         from json_to_recordset($2::json) as j (schedule_id bigint, tick timestamptz, outcome text, job_id uuid)
         where t.schedule_id = j.schedule_id and t.tick = j.tick
       )
       update ${this.#table} s set next_tick = a.next_tick, next_note = a.next_note, next_due = a.next_due, fired = a.fired,
         last_tick = a.last_tick, last_job_id = coalesce(a.last_job_id, s.last_job_id)
       from json_to_recordset($1::json) as a (id bigint, next_tick timestamptz, next_note text, next_due timestamptz,
         fired bigint, last_tick timestamptz, last_job_id uuid)
       where s.id = a.id`,
      [
        JSON.stringify(
          advances.map(({ id, next, fired, lastTick, lastJobId }) => ({
            id,
            next_tick: next && new Date(next.tick),
            next_note: next?.note ?? null,
            next_due: next && new Date(next.dueAt),
            fired,
            last_tick: new Date(lastTick),
            last_job_id: lastJobId,
          })),
        ),
        JSON.stringify(
          jobs.map(({ scheduleId, tick, outcome, jobId }) => ({
            schedule_id: scheduleId,
            tick: new Date(tick),
            outcome,
            job_id: jobId,
          })),
        ),
      ],
    );
  }

  /** What came of its ticks, newest first; before `before`. */
  async history(runner: SqlRunner, id: string, before: number | null, limit: number): Promise<TickRecord[]> {
    const { rows } = await runner.executeSql(
      `select tick, until, count, outcome, job_id, recorded_at from ${this.#ticks}
       where schedule_id = $1 and ($2::timestamptz is null or tick < $2) order by tick desc limit $3`,
      [id, before === null ? null : new Date(before), limit],
    );
    return rows.map((row) => ({
      tick: row.tick.toISOString(),
      until: row.until?.toISOString() ?? null,
      count: row.count,
      outcome: row.outcome,
      jobId: row.job_id,
      recordedAt: row.recorded_at.toISOString(),
    }));
  }
}

/**
 * For the transaction that fires. A scheduler that stands still in the middle of it (SIGSTOP, a suspended machine) holds its
 * schedules: Postgres then ends its session, and another one takes them. The others are for the reason of `hotSettings`
 * (`database.ts`): with stale statistics the planner reads 100,000 schedules to find that none is due (23 ms, 2026-11-20).
 */
const firingSettings = `set local idle_in_transaction_session_timeout = 5000; set local enable_seqscan = off;
  set local enable_bitmapscan = off; set local enable_sort = off; set local jit = off`;

/** Names a tick of a schedule within one batch. */
export function tickKey(scheduleId: string, tick: number): string {
  return `${scheduleId}/${tick}`;
}

const columns = `id, tenant, name, job, payload, payload_version, rule, overlap, missed, spread_ms, paused_why,
  ${epochMs("paused_at")} as paused_ms, ${epochMs("next_tick")} as next_ms, next_note, ${epochMs("next_due")} as due_ms,
  fired, ${epochMs("last_tick")} as last_ms, last_job_id, origin, edited, declared, revision,
  ${epochMs("created_at")} as created_ms, ${epochMs("changed_at")} as changed_ms`;

function values(state: ScheduleState): unknown[] {
  const { next } = state;
  return [
    state.job,
    JSON.stringify(state.payload ?? null),
    state.payloadVersion,
    JSON.stringify(state.rule),
    state.overlap,
    state.missed,
    state.spreadMs,
    state.pausedWhy,
    next && new Date(next.tick),
    next?.note ?? null,
    next && new Date(next.dueAt),
    state.fired,
    state.origin,
    state.edited,
    state.declared && JSON.stringify(state.declared),
  ];
}

function toSchedule(row: SqlRow): ScheduleRow {
  return {
    id: row.id,
    tenant: row.tenant,
    name: row.name,
    job: row.job,
    payload: row.payload,
    payloadVersion: row.payload_version,
    rule: row.rule,
    overlap: row.overlap,
    missed: row.missed,
    spreadMs: row.spread_ms,
    pausedWhy: row.paused_why,
    pausedAt: row.paused_ms,
    next: row.next_ms === null ? null : { tick: row.next_ms, note: row.next_note, dueAt: row.due_ms },
    fired: Number(row.fired),
    lastTick: row.last_ms,
    lastJobId: row.last_job_id,
    origin: row.origin,
    edited: row.edited,
    declared: row.declared,
    revision: row.revision,
    createdAt: row.created_ms,
    changedAt: row.changed_ms,
  };
}
