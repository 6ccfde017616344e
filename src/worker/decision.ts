import { type ErrorSummary, NightshiftError, summarize } from "#core/errors.ts";
import { CancelJob, SnoozeJob } from "#core/outcome.ts";
import { delayBefore, type RetryPolicy } from "#core/retry.ts";
import type { Verdict } from "../engines/engine.ts";
import type { AttemptOutcome, JobState } from "../ledger/job-state.ts";
import { LeaseNotHeld } from "../ledger/ledger.ts";
import { AttemptTimedOut, CancelRequested, type Interruption, LeaseLost, WorkerDraining } from "./interruption.ts";

/** How a handler's run ended. */
export type Ended = { readonly value: unknown } | { readonly thrown: unknown };

/** What an ended run means: for the ledger, and (`verdict`) for the engine. */
export interface Decision {
  readonly state: JobState;
  readonly outcome: AttemptOutcome;
  readonly spends: boolean;
  readonly result?: unknown;
  readonly error?: ErrorSummary;
  readonly runInMs?: number;
  readonly verdict: Verdict;
}

/**
 * Read what a handler returned or threw. Pure; `random` (in [0, 1)) feeds the jitter.
 *
 * - A value completes, even after an interruption: the work is done.
 * - Interrupted: the reason decides, because a handler may dress the abort in an error of its own. Draining and a lost
 *   lease release the job unspent, a cancel cancels it, a timeout is a failure.
 * - `CancelJob` cancels, `SnoozeJob` and `RetryAfter` wait unspent.
 * - A permanent error is a dead letter at once; any other failure retries until the attempts are spent.
 */
export function decide(
  ended: Ended,
  facts: {
    readonly interruption: Interruption | null;
    readonly retry: RetryPolicy;
    /** Attempts spent, this one included. */
    readonly spent: number;
    /** Attempts the job was enqueued with; an older release may have allowed fewer or more. */
    readonly attempts: number;
    /** The ledger keeps the result, so the engine need not. */
    readonly inLedger: boolean;
    readonly random?: () => number;
  },
): Decision {
  if ("value" in ended) {
    const result = ended.value ?? null;
    const verdict: Verdict = facts.inLedger ? { kind: "complete" } : { kind: "complete", result };
    return { state: "completed", outcome: "completed", spends: true, result, verdict };
  }
  const { thrown } = ended;
  const { interruption } = facts;
  const error = summarize(interruption ?? thrown);
  const stale = thrown instanceof LeaseNotHeld || interruption instanceof LeaseLost;
  if (stale || interruption instanceof WorkerDraining)
    return { state: "queued", outcome: "released", spends: false, verdict: { kind: "release" } };
  if (interruption instanceof CancelRequested || (!interruption && thrown instanceof CancelJob))
    return { state: "cancelled", outcome: "cancelled", spends: true, error, verdict: { kind: "drop" } };
  if (!interruption && thrown instanceof SnoozeJob) {
    const { delayMs } = thrown;
    const verdict: Verdict = { kind: "snooze", delayMs };
    return { state: "retrying", outcome: "snoozed", spends: false, error, runInMs: delayMs, verdict };
  }
  const outcome = interruption instanceof AttemptTimedOut ? "timed-out" : "failed";
  const permanent = !interruption && thrown instanceof NightshiftError && thrown.permanent;
  const delayMs =
    permanent || facts.spent >= facts.attempts ? null : delayBefore(facts.retry, facts.spent, facts.random);
  if (delayMs === null) return { state: "dead", outcome, spends: true, error, verdict: { kind: "dead", error } };
  return {
    state: "retrying",
    outcome,
    spends: true,
    error,
    runInMs: delayMs,
    verdict: { kind: "retry", delayMs, error },
  };
}
