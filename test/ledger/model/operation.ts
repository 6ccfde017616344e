import fc from "fast-check";
import { v7 as uuidv7 } from "uuid";
import { type DeduplicationMode, deduplicationModes } from "#core/deduplication.ts";
import type { AttemptOutcome, JobState } from "../../../src/ledger/job-state.ts";
import type { Job, Model } from "./job.ts";

/** What an attempt may come to, as a worker tells it. */
export const verdicts = {
  completed: { state: "completed", outcome: "completed", spends: true },
  failed: { state: "retrying", outcome: "failed", spends: true },
  timedOut: { state: "retrying", outcome: "timed-out", spends: true },
  snoozed: { state: "retrying", outcome: "snoozed", spends: false },
  released: { state: "queued", outcome: "released", spends: false },
  dead: { state: "dead", outcome: "failed", spends: true },
  cancelled: { state: "cancelled", outcome: "cancelled", spends: true },
} as const satisfies Record<string, { state: JobState; outcome: AttemptOutcome; spends: boolean }>;
export type VerdictName = keyof typeof verdicts;

/** A job as it is asked for. `number` stands for its payload; `due`: the relay may have it at once. */
export interface Wanted {
  readonly id: string;
  readonly number: number;
  readonly key: string | null;
  readonly scheduled: boolean;
  readonly due: boolean;
  readonly expiry: "none" | "ahead" | "past";
  readonly mode: DeduplicationMode;
}

/** One call of the ledger (or one thing that time does), with everything it is called with. */
export type Operation =
  | { readonly kind: "accept"; readonly wanted: readonly Wanted[] }
  | { readonly kind: "mark" | "cancel" | "redrive" | "bury" | "fallDue" | "lapse" | "leaseOver"; readonly id: string }
  | { readonly kind: "recordDead"; readonly id: string; readonly key: string | null }
  | { readonly kind: "start" | "renew" | "commit"; readonly id: string; readonly lease: string }
  | {
      readonly kind: "settle";
      readonly id: string;
      readonly lease: string;
      readonly verdict: VerdictName;
      readonly number: number;
    }
  | {
      readonly kind: "settleWith";
      readonly id: string;
      readonly lease: string;
      readonly number: number;
      readonly child: Wanted;
    }
  | { readonly kind: "progress"; readonly id: string; readonly lease: string; readonly fraction: number }
  | { readonly kind: "step"; readonly id: string; readonly lease: string; readonly name: string }
  | { readonly kind: "relay"; readonly taken: "all" | "none" }
  | { readonly kind: "sendAgain"; readonly id: string; readonly stale: boolean }
  | { readonly kind: "expire" | "promote" | "sendAllAgain" };

/** An operation whose job and lease are still to be chosen among those that exist by then. */
export interface Draft {
  readonly kind: Operation["kind"];
  readonly job: number;
  /** 0–6: the lease that holds the job; above: one that held it before, or somebody else's. */
  readonly lease: number;
  readonly number: number;
  readonly verdict: VerdictName;
  readonly key: string | null;
  readonly scheduled: boolean;
  readonly due: boolean;
  readonly expiry: Wanted["expiry"];
  readonly mode: DeduplicationMode;
}

const weights: Record<Operation["kind"], number> = {
  accept: 4,
  start: 8,
  settle: 8,
  settleWith: 1,
  mark: 2,
  relay: 2,
  cancel: 2,
  lapse: 2,
  expire: 2,
  promote: 1,
  leaseOver: 2,
  sendAgain: 2,
  sendAllAgain: 1,
  redrive: 3,
  bury: 1,
  recordDead: 1,
  fallDue: 1,
  progress: 1,
  step: 1,
  commit: 1,
  renew: 1,
};

/** Drafts of the given kinds, as often as they are interesting. */
export function drafts(
  kinds: readonly Operation["kind"][] = Object.keys(weights) as Operation["kind"][],
): fc.Arbitrary<Draft> {
  return fc.record({
    kind: fc.oneof(...kinds.map((kind) => ({ arbitrary: fc.constant(kind), weight: weights[kind] }))),
    job: fc.nat(7),
    lease: fc.nat(9),
    number: fc.nat(99),
    verdict: fc.constantFrom(...(Object.keys(verdicts) as VerdictName[])),
    key: fc.constantFrom(null, null, "a", "b"),
    scheduled: fc.boolean(),
    due: fc.boolean(),
    expiry: fc.constantFrom("none", "none", "ahead", "past"),
    mode: fc.constantFrom(...deduplicationModes),
  });
}

let count = 0;
const fresh = (what: string) => `${what}-${++count}`;

/** Make an operation of a draft. Every start has a lease of its own (but a repeated one), every step a name. */
export function resolve(draft: Draft, model: Model): Operation {
  const jobs = [...model.jobs.values()];
  const job = jobs[draft.job % Math.max(1, jobs.length)];
  const { kind, number } = draft;
  if (!job || kind === "accept") return { kind: "accept", wanted: wantedBy(draft, 1 + (draft.lease % 2)) };
  const { id } = job;
  const lease = heldBy(job, draft.lease);
  switch (kind) {
    case "start":
      return { kind, id, lease: draft.lease === 9 && job.lease ? job.lease : fresh("lease") };
    case "settle":
      return { kind, id, lease, number, verdict: draft.verdict };
    case "settleWith":
      return { kind, id, lease, number, child: wantedBy(draft, 1)[0]! };
    case "progress":
      return { kind, id, lease, fraction: (number % 4) / 4 };
    case "step":
      return { kind, id, lease, name: fresh("step") };
    case "renew":
    case "commit":
      return { kind, id, lease };
    case "recordDead":
      return { kind, id: draft.due ? uuidv7() : id, key: draft.key };
    case "relay":
      return { kind, taken: draft.due ? "all" : "none" };
    case "sendAgain":
      return { kind, id, stale: draft.lease > 6 };
    case "expire":
    case "promote":
    case "sendAllAgain":
      return { kind };
    default:
      return { kind, id };
  }
}

function wantedBy({ number, key, scheduled, due, expiry, mode }: Draft, count: number): Wanted[] {
  return Array.from({ length: count }, () => ({ id: uuidv7(), number, key, scheduled, due, expiry, mode }));
}

function heldBy(job: Job, choice: number): string {
  if (choice < 7 && job.lease) return job.lease;
  return job.leases[choice % Math.max(1, job.leases.length)] ?? "of somebody else";
}
