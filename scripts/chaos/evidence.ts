import type { JobState } from "../../src/client/client.ts";
import type { AttemptOutcome } from "../../src/ledger/job-state.ts";
import type { Inflicted } from "./inflict.ts";
import type { Asked, AskedBatch } from "./load.ts";
import type { OwnEnd } from "./member.ts";
import type { ChaosResult } from "./work/jobs.ts";
import type { Effect } from "./world.ts";

/** An execution that has ended, as the ledger has it. Instants are epoch ms. */
export interface LedgerAttempt {
  readonly number: number;
  readonly startedAt: number;
  readonly finishedAt: number;
  readonly outcome: AttemptOutcome;
}

/** A job, as the ledger has it. */
export interface LedgerJob {
  readonly id: string;
  readonly job: string;
  readonly queue: string;
  readonly state: JobState;
  /** Number of the latest attempt. */
  readonly attempt: number;
  /** Those that have ended. */
  readonly attempts: readonly LedgerAttempt[];
  readonly result: ChaosResult | null;
  readonly correlationId: string | null;
  readonly parentId: string | null;
  readonly batchId: string | null;
  readonly acceptedAt: number;
  readonly finishedAt: number | null;
}

/** A finished step: `attempt` did it, and its value names the execution. */
export interface LedgerStep {
  readonly jobId: string;
  readonly name: string;
  readonly attempt: number;
  readonly value: string;
}

export interface LedgerBatch {
  readonly id: string;
  readonly total: number;
  readonly counts: Readonly<Record<string, number>> | null;
  readonly isFinished: boolean;
}

/** A row that a handler wrote through `ctx.commit`. */
export interface Commit {
  readonly jobId: string;
  readonly run: string;
  readonly attempt: number;
  /** The one that held the job, by the ledger, in the moment and the transaction of the write. */
  readonly attemptInLedger: number;
}

/** All that a run left behind to judge it by. */
export interface Evidence {
  readonly asked: readonly Asked[];
  readonly askedBatches: readonly AskedBatch[];
  readonly jobs: readonly LedgerJob[];
  readonly steps: readonly LedgerStep[];
  readonly batches: readonly LedgerBatch[];
  readonly commits: readonly Commit[];
  /** By how much the books of the ledger do not balance. */
  readonly missing: number;
  readonly incidents: readonly { readonly kind: string; readonly count: number; readonly open: number }[];
  readonly effects: readonly Effect[];
  /** Keyed effects that were asked for again. */
  readonly keyedAgain: number;
  /** `attempt.lost` in the workers' logs: they came to settle, and were told that the job is another's. */
  readonly staleRefused: number;
  readonly inflicted: readonly Inflicted[];
  readonly ownEnds: readonly OwnEnd[];
  /** From the end of the last fault until nothing was open; `null`: not within `patienceMs`. */
  readonly settledMs: number | null;
  readonly patienceMs: number;
}
