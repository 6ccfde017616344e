import { NightshiftError } from "#core/errors.ts";
import type { SqlRow, SqlRunner } from "#core/sql.ts";
import type { JobState } from "./job-state.ts";
import { acceptColumns, acceptRow, bookOf, epochMs, tellOf } from "./statements.ts";

/** Another job has taken the dead letter's deduplication key: both at once is what the key forbids. */
export class KeyTaken extends NightshiftError {
  readonly code = "key_taken";

  constructor() {
    super(
      "Expected the job's deduplication key to be free, found that a newer job holds it. Wait for it, or cancel it.",
    );
  }
}

/** The job that holds a key. */
export interface KeyHolder {
  readonly id: string;
  readonly state: JobState;
  /** 0: no attempt has begun. */
  readonly attempt: number;
  readonly acceptedAt: Date;
  readonly runAt: Date;
}

export interface Key {
  readonly tenant: string;
  readonly job: string;
  readonly deduplicationKey?: string | undefined;
}

/** A job that took over what a newer request wants. */
export interface Replaced {
  readonly id: string;
  readonly state: JobState;
  readonly acceptedAt: Date;
  readonly runAt: Date;
  /** An engine may hold it for a later time or another priority than is wanted now. */
  readonly moved: boolean;
}

/**
 * The keys under which two requests are one job. The holder of a key is the one row of the living-key index: an open job,
 * or an ended one within its window. Every change is one statement, a compare-and-set on what the holder is.
 */
export class Deduplication {
  readonly #sql: Readonly<Record<"holders" | "release" | "replace" | "succeed" | "promote", string>>;

  constructor(schema: string) {
    this.#sql = statements(schema);
  }

  /** Who holds each of the keys; `undefined` where nobody does. */
  async holders(runner: SqlRunner, keys: readonly Key[]): Promise<(KeyHolder | undefined)[]> {
    const { rows } = await runner.executeSql(this.#sql.holders, columns(keys));
    const byPlace = new Map(rows.map((row) => [row.place as number, row]));
    return keys.map((_, index) => {
      const row = byPlace.get(index + 1);
      return row && { ...toInstants(row), state: row.state, attempt: row.attempt };
    });
  }

  /** Take the keys away from ended jobs whose window is over. */
  async release(runner: SqlRunner, keys: readonly Key[]): Promise<void> {
    await runner.executeSql(this.#sql.release, columns(keys));
  }

  /** Make job `id` what `row` asks for. `null`: an attempt has begun, or it has ended. */
  async replace(runner: SqlRunner, id: string, row: object): Promise<Replaced | null> {
    const { rows } = await runner.executeSql(this.#sql.replace, [JSON.stringify([row]), id]);
    return rows[0] ? { ...toInstants(rows[0]), state: rows[0].state, moved: rows[0].moved } : null;
  }

  /** Accept `row` as the successor of job `id`, which has begun, and hand it the key. `null`: the key is not that job's any more. */
  async succeed(
    runner: SqlRunner,
    id: string,
    row: object,
  ): Promise<{ readonly state: JobState; readonly acceptedAt: Date } | null> {
    const { rows } = await runner.executeSql(this.#sql.succeed, [JSON.stringify([row]), id]);
    return rows[0] ? { state: rows[0].state, acceptedAt: new Date(rows[0].accepted_ms) } : null;
  }

  /** Let the relay have successors whose predecessors have ended (or are not kept any more). */
  async promote(runner: SqlRunner, limit: number): Promise<number> {
    return (await runner.executeSql(this.#sql.promote, [limit])).rows.length;
  }
}

function statements(schema: string) {
  const jobs = `${schema}.jobs`;
  const keys = "unnest($1::text[], $2::text[], $3::text[]) with ordinality as k (tenant, job, key, place)";
  const held = "j.tenant = k.tenant and j.job = k.job and j.deduplication_key = k.key";
  const instants = `${epochMs("j.accepted_at")} as accepted_ms, ${epochMs("j.run_at")} as run_ms`;
  return {
    // $1 tenants, $2 jobs, $3 keys, position by position.
    holders: `
      select k.place::int, j.id, j.state, j.attempt, ${instants}
      from ${keys} join ${jobs} j on ${held} and (j.finished_at is null or j.deduplicate_until > now())`,

    release: `
      update ${jobs} j set deduplicate_until = null
      from ${keys} where ${held} and j.finished_at is not null and j.deduplicate_until <= now()`,

    // $1 JSON array of one row, $2 the job to replace. One that an engine may hold stays where it is: its entry carries an
    // id alone. That entry may come before the new time; not_before then sends it back to wait.
    replace: `
      with wanted as (select * from json_to_recordset($1::json) as r (${acceptRow})),
      found as (
        select id, state, run_at, priority from ${jobs} where id = $2 and attempt = 0 and finished_at is null for update
      ), replaced as (
        update ${jobs} j set
          payload = coalesce(w.payload, 'null'::json), payload_version = w.payload_version, payload_blob = w.payload_blob,
          retry_attempts = w.retry_attempts, priority = w.priority, run_at = w.run_at, expires_at = w.expires_at,
          tags = w.tags, correlation_id = w.correlation_id, traceparent = w.traceparent,
          state = case when j.relay_at is null or j.follows is not null then j.state else w.state end,
          relay_at = case when j.relay_at is null or j.follows is not null then j.relay_at
            else greatest(w.run_at, clock_timestamp()) end,
          not_before = case when w.run_at > now() then w.run_at end,
          deduplicate_until = coalesce(j.accepted_at + w.deduplicate_for_ms * interval '1 millisecond', j.deduplicate_until),
          revision = j.revision + 1
        from found f, wanted w where j.id = f.id
        returning j.id, j.state, ${instants},
          f.state in ('accepted','queued') and (w.run_at < f.run_at or w.priority <> f.priority) as moved
      ), ${tellOf(schema, "replaced")}, woken as (
        select pg_notify('${schema}_relay', '') from replaced where state = 'accepted'
      )
      select *, (select count(*) from told) + (select count(*) from woken) as told from replaced`,

    // $1 JSON array of one row, $2 the predecessor. The relay does not see it before it is promoted.
    succeed: `
      with yielded as (
        update ${jobs} set yielded_key = deduplication_key, deduplication_key = null, deduplicate_until = null,
          revision = revision + 1
        where id = $2 and deduplication_key is not null and finished_at is null and attempt > 0
        returning id
      ), accepted as (
      insert into ${jobs} (${acceptColumns}, follows)
      select r.id, tenant, job, queue, 'scheduled', priority, coalesce(payload, 'null'::json), retry_attempts, run_at,
             'infinity', expires_at, deduplication_key, tags, correlation_id, traceparent, payload_version, payload_blob,
             parent_id, batch_id, null, yielded.id
      from yielded, json_to_recordset($1::json) as r (${acceptRow})
      returning queue, tenant, state, accepted_at
      ), ${bookOf(schema, "accepted", "count(*)")}
      select state, ${epochMs("accepted_at")} as accepted_ms from accepted`,

    // $1 limit. One that an engine has, or that runs, needs no promotion, and must not be taken back by one.
    promote: `
      with ready as (
        select s.id from ${jobs} s left join ${jobs} p on p.id = s.follows
        where s.follows is not null and s.finished_at is null and s.state in ('scheduled','accepted')
          and (p.id is null or p.finished_at is not null)
        limit $1 for update of s skip locked
      ), promoted as (
        update ${jobs} j set follows = null, relay_at = greatest(j.run_at, now()),
          state = case when j.run_at > now() then 'scheduled' else 'accepted' end, revision = j.revision + 1
        from ready where j.id = ready.id
        returning j.id
      ), ${tellOf(schema, "promoted")}
      select id, (select count(*) from told) as told from promoted`,
  };
}

function columns(keys: readonly Key[]): unknown[] {
  return [keys.map((key) => key.tenant), keys.map((key) => key.job), keys.map((key) => key.deduplicationKey ?? null)];
}

function toInstants(row: SqlRow) {
  return { id: row.id as string, acceptedAt: new Date(row.accepted_ms), runAt: new Date(row.run_ms) };
}
