import { isTerminal, type JobState } from "../../../src/ledger/job-state.ts";

/** A job as `docs/lifecycle.md` tells it. */
export interface Job {
  readonly id: string;
  readonly state: JobState;
  readonly key: string | null;
  readonly number: number;
  readonly attempt: number;
  readonly spent: number;
  readonly lease: string | null;
  /** It runs, and nobody renewed its lease in time. */
  readonly lapsed: boolean;
  /** Of the ended attempts, in order. */
  readonly outcomes: readonly string[];
  readonly cancelAsked: boolean;
  readonly expiry: "none" | "ahead" | "past";
  /** When the relay may have it: the one thing that brings an accepted job to an engine after a crash. */
  readonly relay: "none" | "never" | "later" | "due";
  /** The job that has to end first. */
  readonly follows: string | null;
  readonly result: number | null;
  /** Code. */
  readonly error: string | null;
  readonly progress: number;
  readonly steps: readonly string[];
  /** How many writes of its handlers were committed. */
  readonly effects: number;
  /** All that ever held it. Bookkeeping of the test: the ledger knows only the present one. */
  readonly leases: readonly string[];
}

export interface Model {
  readonly jobs: ReadonlyMap<string, Job>;
}

export const empty: Model = { jobs: new Map() };

/** A job to which nothing has happened. */
export const blank = {
  key: null,
  number: 0,
  attempt: 0,
  spent: 0,
  lease: null,
  lapsed: false,
  outcomes: [],
  cancelAsked: false,
  expiry: "none",
  relay: "none",
  follows: null,
  result: null,
  error: null,
  progress: 0,
  steps: [],
  effects: 0,
  leases: [],
} as const;

export function put(model: Model, job: Job): Model {
  return { jobs: new Map(model.jobs).set(job.id, job) };
}

/** The open job of that deduplication key: there is one at the most. */
export function holder(model: Model, key: string): Job | undefined {
  return [...model.jobs.values()].find((job) => job.key === key && !isTerminal(job.state));
}

export function end(job: Job, state: JobState, error: string): Job {
  return { ...job, state, error, lease: null, lapsed: false, relay: "none" };
}

export function relayed(job: Job, taken: "all" | "none"): Job {
  return taken === "all" ? { ...job, state: "queued", relay: "none" } : { ...job, relay: "later" };
}

export function isNew(state: JobState): boolean {
  return state === "accepted" || state === "scheduled";
}

export function canExpire(job: Job): boolean {
  return job.expiry === "past" && job.attempt === 0 && !isTerminal(job.state);
}
