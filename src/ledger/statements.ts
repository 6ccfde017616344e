import { openStates, terminalStates } from "./job-state.ts";

/**
 * The ledger's group statements. Each takes arrays (or one JSON document) and changes many rows in one commit; each is a
 * compare-and-set: a row that is not in the expected state is left alone and missing from the answer.
 *
 * Every change of state tells `${schema}_jobs` (ids, at most 200 per notification: the payload limit is 8,000 bytes). Those
 * that happen by the thousand answer with the ids instead, and an `Announcer` tells of them after the commit.
 * Every statement that inserts jobs, ends them or opens them again books it (`books.ts`); `Books.check` finds who forgot.
 */
export interface Statements {
  readonly accept: string;
  readonly markQueued: string;
  readonly start: string;
  readonly restart: string;
  readonly recorded: string;
  readonly attemptOutcome: string;
  readonly endedResult: string;
  readonly settle: string;
  readonly hold: string;
  readonly progress: string;
  readonly cancel: string;
  readonly expire: string;
  readonly redrive: string;
  readonly claimForRelay: string;
  readonly deferRelay: string;
  readonly bury: string;
  readonly recordDead: string;
  readonly renew: string;
  readonly cancelRequested: string;
}

/**
 * In a select list: this commit need not wait until it is on disk. A Postgres that is killed then forgets it, and everything
 * after it; a Postgres that is not, does not. For what can be repeated.
 */
const unhurried = "set_config('synchronous_commit', 'off', true)";

/** What `accept` writes, in this order. */
export const acceptColumns =
  "id, tenant, job, queue, state, priority, payload, retry_attempts, run_at, relay_at, expires_at, deduplication_key, tags, correlation_id, traceparent, payload_version, payload_blob, parent_id, batch_id, deduplicate_until";

/** A new job as JSON, for `json_to_recordset`. */
export const acceptRow = `id uuid, tenant text, job text, queue text, state text, priority text, payload json,
  retry_attempts integer, run_at timestamptz, relay_grace_ms integer, expires_at timestamptz, deduplication_key text,
  tags text[], correlation_id text, traceparent text, payload_version integer, payload_blob text, parent_id uuid,
  batch_id uuid, deduplicate_for_ms double precision`;

/** Instants as numbers: in a caller's transaction the caller's driver decides what becomes of a timestamp. */
export const epochMs = (column: string) => `(extract(epoch from ${column}) * 1000)::float8`;

/** A CTE that tells the watchers which rows of another CTE changed. */
export function tellOf(schema: string, from: string): string {
  return `
    told as (
      select pg_notify('${schema}_jobs', string_agg(id::text, ','))
      from (select id, (row_number() over () - 1) / 200 as part from ${from}) parts group by part
    )`;
}

/**
 * A CTE that books the rows of `from` (with queue, tenant and state): `accepted` of them new, and `sign` for those that are
 * terminal.
 */
export function bookOf(schema: string, from: string, accepted: string, sign: "" | "-" = ""): string {
  const counts = terminalStates.map((state) => `${sign}count(*) filter (where state = '${state}')`).join(", ");
  return `
    booked as (
      insert into ${schema}.books as b (queue, tenant, shard, accepted, ${terminalStates.join(", ")})
      select queue, tenant, pg_backend_pid(), ${accepted}, ${counts}
      from ${from} group by queue, tenant
      on conflict (queue, tenant, shard) do update set accepted = b.accepted + excluded.accepted,
        ${terminalStates.map((state) => `${state} = b.${state} + excluded.${state}`).join(", ")}
    )`;
}

/** The same for those of `from` that have ended. */
export function bookEndsOf(schema: string, from: string): string {
  const terminal = terminalStates.map((state) => `'${state}'`).join(",");
  return bookOf(schema, `(select * from ${from} where state in (${terminal})) ended`, "0");
}

/**
 * CTEs that cancel the rows of a CTE `found` (id, state, queue, finished_at, locked): those that wait end, those that run are
 * asked to. What is decided is decided on `found`, the row as it is now. The update begins with the row as it was when the
 * statement began (Postgres checks the constraints on that, and only then finds that it was settled, or redriven, meanwhile).
 */
export function cancelFoundOf(schema: string): string {
  return `
      cancelled as (
        update ${schema}.jobs j set
          state = case when f.state = 'running' then f.state else 'cancelled' end,
          lease = case when f.state = 'running' then coalesce(j.lease, '') end,
          lease_until = case when f.state = 'running' then j.lease_until end,
          finished_at = case when f.state = 'running' then null else now() end,
          relay_at = null,
          cancel_requested_at = coalesce(j.cancel_requested_at, now()),
          error = case when f.state = 'running' then j.error
            else jsonb_build_object('code', 'cancelled', 'message', 'Cancelled by request before it ran') end,
          revision = j.revision + 1
        from found f where j.id = f.id and f.finished_at is null
        returning j.id, j.queue, j.tenant, j.state
      ), ${bookEndsOf(schema, "cancelled")}, asked as (
        select pg_notify('${schema}_cancel', id::text) from cancelled where state = 'running'
      ), ${tellOf(schema, "cancelled")}`;
}

export function statements(schema: string): Statements {
  const jobs = `${schema}.jobs`;
  const tell = (from: string) => tellOf(schema, from);
  const book = (from: string, accepted: string, sign: "" | "-" = "") => bookOf(schema, from, accepted, sign);
  const bookEnds = (from: string) => bookEndsOf(schema, from);
  const attemptEntry = (finish: string, outcome: string, error: string) =>
    `jsonb_build_object('number', j.attempt, 'startedAt', j.started_at, 'finishedAt', ${finish}, 'outcome', ${outcome}, 'error', ${error})`;

  // Partial indexes on open jobs must not attract the planner here: it would read the whole backlog for every group.
  const open = openStates.map((state) => `'${state}'`).join(",");
  const next = `case when j.cancel_requested_at is not null then 'cancelled'
    when j.expires_at <= now() and j.attempt = 0 then 'expired' else 'running' end`;
  // Asked to cancel while the attempt ran, which did not heed it (or ended before it heard): no other attempt is waited for.
  const settled = `case when j.cancel_requested_at is not null and v.state in ('queued','retrying') then 'cancelled' else v.state end`;

  /** CTEs that begin attempts, at `startedAt`, of the rows that $1 to $3 name and `also` admits; `next` is the state each goes to. */
  const started = (next: string, startedAt: string, also: string) => `started as (
        update ${jobs} j set
          attempts = case when j.state = 'running' and (j.lease is distinct from c.lease or (${next}) <> 'running')
            then j.attempts || ${attemptEntry("now()", "'lost'", "null::jsonb")} else j.attempts end,
          state = ${next},
          attempt = j.attempt + case when (${next}) = 'running' and j.lease is distinct from c.lease then 1 else 0 end,
          lease = case when (${next}) = 'running' then c.lease end,
          lease_until = case when (${next}) = 'running' then now() + c.lease_ms * interval '1 millisecond' end,
          started_at = case when (${next}) = 'running' then ${startedAt} else j.started_at end,
          finished_at = case when (${next}) <> 'running' then now() end,
          error = case when (${next}) <> 'running'
            then jsonb_build_object('code', (${next}), 'message', 'Ended before an attempt began: ' || (${next})) else j.error end,
          relay_at = null, revision = j.revision + 1
        from unnest($1::uuid[], $2::text[], $3::float8[]) as c (id, lease, lease_ms)
        where j.id = c.id and j.state in (${open}) and (j.not_before is null or j.not_before <= now()) ${also}
        returning j.id, j.queue, j.tenant, j.state, j.attempt, j.payload, j.payload_blob, j.payload_version, j.traceparent,
          (extract(epoch from now() - greatest(j.run_at, j.accepted_at)) * 1000)::float8 as wait_ms,
          ${epochMs("j.run_at")} as run_ms, ${epochMs("j.started_at")} as started_ms, j.attempts -> -1 ->> 'outcome' as before
      ), ${bookEnds("started")}`;

  return {
    // $1: JSON array of rows; relay_grace_ms: how long after it is due the relay leaves the row to the fast path.
    accept: `
      with accepted as (
      insert into ${jobs} (${acceptColumns})
      select id, tenant, job, queue, state, priority, coalesce(payload, 'null'::json), retry_attempts, run_at,
             greatest(run_at, clock_timestamp()) + relay_grace_ms * interval '1 millisecond', expires_at,
             deduplication_key, tags, correlation_id, traceparent, coalesce(payload_version, 1), payload_blob, parent_id,
             batch_id, now() + deduplicate_for_ms * interval '1 millisecond'
      from json_to_recordset($1::json) as r (${acceptRow})
      on conflict (tenant, job, deduplication_key)
        where deduplication_key is not null and (finished_at is null or deduplicate_until is not null) do nothing
      returning id, queue, tenant, state, accepted_at
      ), ${book("accepted", "count(*)")}
      select id, state, ${epochMs("accepted_at")} as accepted_ms from accepted`,

    // $1 ids that an engine has taken. Rows already started (or locked by whoever starts them) need no mark. One that is
    // forgotten leaves the row to the relay, which repeats it.
    markQueued: `
      with waiting as (
        select id from ${jobs} where id = any($1::uuid[]) and state in ('accepted','scheduled') for update skip locked
      ), marked as (
        update ${jobs} j set state = 'queued', relay_at = null, revision = j.revision + 1
        from waiting where j.id = waiting.id returning j.id
      )
      select id, ${unhurried} from marked`,

    // $1 ids, $2 leases, $3 how long each lives, ms. A row found running means that its former worker lost it: that attempt is closed as lost.
    // A row whose cancel was asked meanwhile, or whose expiry passed while it waited, ends here instead. Safe to repeat with
    // the same lease: the connection may have been lost before the first answer came. Unless a row ended, it need not reach
    // the disk before the handler runs: `restart`. But if one was taken over: forgotten, it would be its former worker's again,
    // who might write after the new one has read.
    start: `
      with ${started(next, "now()", "")}
      select *, case when (select bool_and(state = 'running' and before is distinct from 'lost') from started)
        then ${unhurried} end from started`,

    // The start of one job again, whose worker found that its lease holds nothing: Postgres was killed and forgot it. $1 to
    // $3 as in `start`, $4 number of the attempt, $5 to $7 the payload it runs with, $8 when it was due, $9 when it began,
    // both epoch ms. Nothing else may have happened to the job since but a mark, or a cancel: neither another attempt (nobody
    // else may hold it) nor a newer request, which wants a run that begins after it even if its payload is the same.
    restart: `
      with ${started(
        "case when j.cancel_requested_at is not null then 'cancelled' else 'running' end",
        "to_timestamp($9::float8 / 1000)",
        `and j.state <> 'running' and j.attempt = $4::integer - 1 and j.payload::jsonb = $5::jsonb
          and j.payload_blob is not distinct from $6::text and j.payload_version = $7::integer
          and ${epochMs("j.run_at")} = $8::float8`,
      )}
      select * from started`,

    // $1: JSON array of ids: those that are recorded. For an accept whose answer was lost.
    recorded: `
      select id, state, ${epochMs("accepted_at")} as accepted_ms from ${jobs}
      where id in (select value::uuid from json_array_elements_text($1::json))`,

    // $1 id, $2 number of an attempt, $3 when it began, epoch ms: what it came to. For a settle whose answer was lost. Another
    // one may have the same number: whoever begins after a start was forgotten.
    attemptOutcome: `
      select a.entry->>'outcome' as outcome from ${jobs} j, jsonb_array_elements(j.attempts) as a (entry)
      where j.id = $1 and (a.entry->>'number')::int = $2
        and ${epochMs("(a.entry->>'startedAt')::timestamptz")} = $3::float8`,

    // $1 ids that could not be started.
    endedResult: `
      select id, state, case when state = 'completed' then result end as result,
             (extract(epoch from not_before - now()) * 1000)::float8 as early_ms
      from ${jobs} where id = any($1::uuid[])`,

    // $1: JSON array {id, lease, state, outcome, spend, result, error, run_in_ms}.
    settle: `
      with verdicts as (
        select * from json_to_recordset($1::json) as v (
          id uuid, lease text, state text, outcome text, spend integer, result json, result_blob text, error jsonb, run_in_ms double precision)
      ), settled as (
        update ${jobs} j set
          state = ${settled}, lease = null, lease_until = null, spent = j.spent + v.spend, result = v.result,
          result_blob = v.result_blob, error = case when (${settled}) = v.state then v.error
            else jsonb_build_object('code', 'cancelled', 'message', 'Cancelled by request while it ran') end,
          attempts = j.attempts || ${attemptEntry("now()", "v.outcome", "v.error")},
          finished_at = case when (${settled}) in ('completed','dead','cancelled','expired') then now() end,
          run_at = coalesce(now() + v.run_in_ms * interval '1 millisecond', j.run_at),
          progress = case when v.state = 'completed' then 1 else j.progress end,
          revision = j.revision + 1
        from verdicts v
        where j.id = v.id and j.state = 'running' and j.lease = v.lease
        returning j.id, j.queue, j.tenant, j.state
      ), ${bookEnds("settled")}
      select id from settled`,

    // $1 id, $2 lease. Nobody can take the job over while the transaction lasts; progress and renewals wait.
    hold: `select id from ${jobs} where id = $1 and lease = $2 and state = 'running' for no key update`,

    // $1 ids, $2 leases, $3 fractions, $4 notes.
    progress: `
      with said as (
        select * from unnest($1::uuid[], $2::text[], $3::real[], $4::text[]) as p (id, lease, fraction, note)
      ), moved as (
        update ${jobs} j set progress = p.fraction, progress_note = p.note, revision = j.revision + 1
        from said p where j.id = p.id and j.state = 'running' and j.lease = p.lease
        returning j.id
      )
      select id, ${unhurried} from moved`,

    // $1 tenant (null: any), $2 id. Waiting: cancelled at once. Running: asked, through `${schema}_cancel`.
    cancel: `
      with found as (
        select id, state, queue, finished_at from ${jobs} where id = $2 and ($1::text is null or tenant = $1) for update
      ), ${cancelFoundOf(schema)}
      select f.queue, f.state as state_before, c.state as state_after,
             (select count(*) from told) + (select count(*) from asked) as told
      from found f left join cancelled c on c.id = f.id`,

    // $1: at most so many rows whose expiry has passed before an attempt began.
    expire: `
      with late as (
        select id from ${jobs}
        where expires_at <= now() and finished_at is null and attempt = 0
        order by expires_at limit $1 for update skip locked
      ), expired as (
        update ${jobs} j set state = 'expired', finished_at = now(), relay_at = null, revision = j.revision + 1,
          error = jsonb_build_object('code', 'expired', 'message', 'Not started before its expiresAt')
        from late where j.id = late.id returning j.id, j.queue, j.tenant, j.state
      ), ${bookEnds("expired")}, ${tell("expired")}
      select id, queue, (select count(*) from told) as told from expired`,

    // $1 tenant (null: any), $2 id. Back to accepted, due now: the caller dispatches it, or the relay does.
    redrive: `
      with redriven as (
        update ${jobs} set state = 'accepted', finished_at = null, spent = 0, error = null, run_at = now(),
          relay_at = now() + interval '3 seconds', cancel_requested_at = null, expires_at = null, not_before = null,
          revision = revision + 1
        where id = $2 and ($1::text is null or tenant = $1) and state = 'dead'
        returning id, tenant, job, queue, priority, retry_attempts, spent, accepted_at, traceparent
      ), ${book("(select *, 'dead' as state from redriven) reopened", "0", "-")}, ${tell("redriven")}
      select *, (select count(*) from told) as told from redriven`,

    // $1 limit, $2 queues to leave alone. Run inside a transaction that dispatches and marks before it commits; the rows stay locked meanwhile.
    claimForRelay: `
      select id, tenant, job, queue, priority, retry_attempts, spent, accepted_at, traceparent
      from ${jobs}
      where relay_at <= now() and state in ('accepted','scheduled') and queue <> all ($2::text[])
      order by relay_at limit $1 for update skip locked`,

    // $1 ids whose engine did not take them: others get their turn first.
    deferRelay: `update ${jobs} set relay_at = now() + interval '2 seconds' where id = any($1::uuid[])`,

    // $1 id, $2 error, $3 the revision it must still have (null: any). The engine gave the job up without a verdict: no
    // worker holds it any more.
    bury: `
      with buried as (
        update ${jobs} j set state = 'dead', lease = null, lease_until = null, relay_at = null, finished_at = now(), error = $2::jsonb,
          attempts = case when j.state = 'running'
            then j.attempts || ${attemptEntry("now()", "'lost'", "$2::jsonb")} else j.attempts end,
          revision = j.revision + 1
        where id = $1 and finished_at is null and revision = coalesce($3::integer, revision)
        returning id, queue, tenant, state
      ), ${bookEnds("buried")}, ${tell("buried")}
      select id, (select count(*) from told) as told from buried`,

    // A job of a redis-durable queue that died: until now it had no row.
    recordDead: `
      with recorded as (
      insert into ${jobs} (id, tenant, job, queue, state, priority, payload, retry_attempts, run_at, accepted_at, started_at,
        finished_at, attempt, spent, error, deduplication_key, traceparent, payload_version)
      values ($1, $2, $3, $4, 'dead', 'normal', $5, $6, $7, $7, $8, now(), $9, $9, $10, $11, $12, $13)
      on conflict (id) do nothing returning queue, tenant, state
      ), ${book("recorded", "count(*)")}
      select queue from recorded`,

    // $1 ids, $2 leases, $3 ms: whoever still holds its job holds it for that long from now. Nothing a user sees changes.
    renew: `
      update ${jobs} j set lease_until = now() + $3::float8 * interval '1 millisecond'
      from unnest($1::uuid[], $2::text[]) as c (id, lease)
      where j.id = c.id and j.state = 'running' and j.lease = c.lease
      returning j.id`,

    // $1 ids of running jobs: those whose cancel was asked.
    cancelRequested: `select id from ${jobs} where id = any($1::uuid[]) and cancel_requested_at is not null and state = 'running'`,
  };
}
