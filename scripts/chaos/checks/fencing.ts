import { type Check, sentences } from "../check.ts";
import type { Commit, Evidence, LedgerJob } from "../evidence.ts";
import { kindOf } from "../work/jobs.ts";
import type { Effect } from "../world.ts";

/** Nothing that the ledger keeps comes from an attempt that had lost its job: not a result, and not a row written with it. */
export function checkFencing({ jobs, effects, commits, staleRefused }: Evidence): Check {
  const byRun = new Map(effects.map((effect) => [effect.run, effect]));
  const commitsOf = Map.groupBy(commits, ({ jobId }) => jobId);
  const completed = jobs.filter(({ state }) => state === "completed");
  const settled = completed.filter((job) => isStale(job, byRun.get(job.result?.run ?? "")));
  const written = jobs.filter(({ id }) => (commitsOf.get(id) ?? []).some(isLate));
  const unwritten = completed.filter(
    ({ id, job, result }) =>
      kindOf(job) === "slow" && !(commitsOf.get(id) ?? []).some(({ run }) => run === result?.run),
  );
  return {
    rows: [
      ["stale settles accepted", String(settled.length), "must be 0"],
      ["stale settles refused", String(staleRefused), ""],
      ["stale commits accepted", String(written.length), `of ${commits.length}; must be 0`],
    ],
    broken: sentences(
      [settled.length, "jobs were settled by a stale attempt"],
      [written.length, "jobs have rows that a stale attempt wrote"],
      [unwritten.length, "completed jobs do not have the row that their attempt committed"],
    ),
    suspects: [...settled, ...written, ...unwritten].map(({ id }) => id),
  };
}

/** Whether a result is not that of the attempt which the ledger says has completed the job, and that was its last. */
function isStale({ attempt, attempts, result }: LedgerJob, its: Effect | undefined): boolean {
  const completions = attempts.filter(({ outcome }) => outcome === "completed");
  if (completions.length !== 1 || completions[0]!.number !== attempt || result?.attempt !== attempt) return true;
  return its !== undefined && (its.attempt !== attempt || its.worker !== result.worker);
}

function isLate({ attempt, attemptInLedger }: Commit): boolean {
  return attempt !== attemptInLedger;
}
