import assert from "node:assert/strict";
import type { SqlRow } from "#core/sql.ts";
import type { Database } from "../../../src/ledger/database.ts";
import { isTerminal, type JobState } from "../../../src/ledger/job-state.ts";
import type { Job, Model } from "./job.ts";

/** A row of the ledger: in the words of the model, and as it is. */
export interface Seen {
  readonly job: Omit<Job, "leases">;
  readonly row: SqlRow;
}

/** The states that one change may lead to. What ended stays, but for a dead job that is redriven. */
const next: Readonly<Record<JobState, readonly JobState[]>> = {
  scheduled: ["accepted", "queued", "running", "cancelled", "expired", "dead"],
  accepted: ["scheduled", "queued", "running", "cancelled", "expired", "dead"],
  queued: ["accepted", "running", "cancelled", "expired", "dead"],
  running: ["accepted", "queued", "retrying", "completed", "cancelled", "dead"],
  retrying: ["accepted", "running", "cancelled", "dead"],
  dead: ["accepted"],
  completed: [],
  cancelled: [],
  expired: [],
};

/** Everything the ledger holds, by id. */
export async function seen(database: Database): Promise<ReadonlyMap<string, Seen>> {
  const { schema } = database;
  const { rows } = await database.pool.query(
    `select j.*, relay_at <= now() as relay_due, relay_at = 'infinity' as relay_never,
            state = 'running' and lease_until <= now() as lapsed, expires_at <= now() as expiry_past,
            array(select name from ${schema}.steps s where s.job_id = j.id order by s.finished_at, s.name) as steps,
            (select count(*)::int from ${schema}.effects e where e.job_id = j.id) as effects
     from ${schema}.jobs j`,
  );
  return new Map(rows.map((row) => [row.id, { job: toJob(row), row }]));
}

function toJob(row: SqlRow): Seen["job"] {
  return {
    id: row.id,
    state: row.state,
    key: row.deduplication_key,
    number: row.payload.number,
    attempt: row.attempt,
    spent: row.spent,
    lease: row.lease,
    lapsed: row.lapsed,
    outcomes: row.attempts.map((attempt: { outcome: string }) => attempt.outcome),
    cancelAsked: row.cancel_requested_at !== null,
    expiry: row.expires_at === null ? "none" : row.expiry_past ? "past" : "ahead",
    relay: row.relay_at === null ? "none" : row.relay_never ? "never" : row.relay_due ? "due" : "later",
    follows: row.follows,
    result: row.result,
    error: row.error?.code ?? null,
    progress: row.progress,
    steps: row.steps,
    effects: row.effects,
  };
}

/** The ledger holds what the model says, and nothing else. */
export function assertAgrees(rows: ReadonlyMap<string, Seen>, model: Model): void {
  const actual = [...rows.values()].map(({ job }) => job).sort(byId);
  const expected = [...model.jobs.values()].map(({ leases: _, ...job }) => job).sort(byId);
  assert.deepEqual(actual, expected);
}

/** What is true of every ledger, whatever was done to it. */
export function assertSound(rows: ReadonlyMap<string, Seen>): void {
  const living = new Set<string>();
  for (const { job, row } of rows.values()) {
    const at = `${job.id} (${job.state})`;
    assert.equal(row.finished_at !== null, isTerminal(job.state), `${at} has finished exactly if it is terminal`);
    assert.equal(job.lease !== null, job.state === "running", `${at} has a holder exactly while it runs`);
    assert.equal(
      row.lease_until !== null,
      job.state === "running",
      `${at} has a lease that ends exactly while it runs`,
    );
    const isNew = job.state === "accepted" || job.state === "scheduled";
    assert.equal(job.relay !== "none", isNew, `${at} is the relay's exactly until an engine has it`);
    assert.ok(!job.cancelAsked || job.state !== "retrying", `${at} waits for a retry although it is cancelled`);
    const numbers = row.attempts.map((attempt: { number: number }) => attempt.number);
    if (job.error !== "died" && !job.outcomes.includes("died"))
      assert.ok(
        numbers.every((n: number, i: number) => i === 0 || n > numbers[i - 1]!),
        `${at} counts its attempts up`,
      );
    if (job.key === null || isTerminal(job.state)) continue;
    assert.ok(!living.has(job.key), `two living jobs have the key ${job.key}`);
    living.add(job.key);
  }
}

/** What one or more changes may do: nothing is lost, nothing that ended changes, no step back goes unseen. */
export function assertFollows(
  before: ReadonlyMap<string, Seen>,
  after: ReadonlyMap<string, Seen>,
  changes: "one" | "many",
): void {
  for (const [id, { job, row }] of before) {
    const now = after.get(id);
    assert.ok(now, `${id} was accepted and is gone`);
    const at = `${id}: ${job.state} → ${now.job.state}`;
    const redriven = job.state === "dead" && now.job.state !== "dead";
    if (isTerminal(job.state) && job.state !== "dead") assert.deepEqual(now.row, row, `${at}, but it had ended`);
    if (job.state === "dead" && !redriven && changes === "one")
      assert.deepEqual(now.row, row, `${at}, but it had ended`);
    if (changes === "one" && job.state !== now.job.state)
      assert.ok(next[job.state].includes(now.job.state), `${at} is forbidden`);
    assert.ok(now.row.revision >= row.revision, `${at}: its revision fell`);
    if (isVisible(job, now.job))
      assert.ok(now.row.revision > row.revision, `${at}: a change that no watcher is told of`);
    assert.ok(now.job.attempt >= job.attempt, `${at}: an attempt was forgotten`);
    assert.deepEqual(now.row.attempts.slice(0, row.attempts.length), row.attempts, `${at}: its history changed`);
    assert.ok(now.job.effects >= job.effects && now.job.steps.length >= job.steps.length, `${at}: a write was lost`);
  }
}

function isVisible(before: Seen["job"], after: Seen["job"]): boolean {
  const shown = ({ state, attempt, outcomes, result, error, progress, steps }: Seen["job"]) =>
    JSON.stringify([state, attempt, outcomes, result, error, progress, steps]);
  return shown(before) !== shown(after);
}

function byId(a: { readonly id: string }, b: { readonly id: string }): number {
  return a.id < b.id ? -1 : 1;
}
