import type { ScheduleRule, ScheduleSpec } from "./schedule.ts";

/** Why a schedule stands still: an operator's will, or a fault that the house found (`schedule_paused` is its incident). */
export const pauseReasons = ["operator", "unknown_job", "payload_refused", "rule_refused", "refused_by_store"] as const;
export type PauseReason = (typeof pauseReasons)[number];

/**
 * What came of a tick. `enqueued`: a job of its own. `joined`: its job's deduplication key was held; `jobId` is the holder.
 * `overlapped`: left out, the job before was still open. `merged`: missed, and made up for by the job of a later tick.
 * `missed`: left out.
 */
export const tickOutcomes = ["enqueued", "joined", "overlapped", "merged", "missed"] as const;
export type TickOutcome = (typeof tickOutcomes)[number];

/** One planned instant. Instants are ISO 8601; `local` carries the offset that the zone then has. */
export interface TickView {
  readonly utc: string;
  readonly local: string;
  /** The wall clock skips the time that the rule names (`gap`), or shows it twice (`repeat`), and a rule decided. */
  readonly note?: "gap" | "repeat";
}

/** A schedule as the API shows it. Instants are ISO 8601 in UTC. */
export interface ScheduleView extends Omit<ScheduleSpec, "rule">, ScheduleRule {
  readonly name: string;
  readonly tenant: string;
  /** The rule in words. */
  readonly sentence: string;
  readonly paused: { readonly why: PauseReason; readonly since: string } | null;
  /** `null`: paused, or no tick will ever come. */
  readonly next: (TickView & { readonly dueAt: string }) | null;
  readonly last: { readonly tick: string | null; readonly jobId: string | null };
  /** Ticks that have come since the rule was set. */
  readonly fired: number;
  readonly origin: "code" | "api";
  /** Declared in code, and changed by an operator since: the next release leaves it alone. */
  readonly edited: boolean;
  /** What the code declares is not what is in force. */
  readonly declaredDiffers: boolean;
  readonly revision: number;
  readonly createdAt: string;
  readonly changedAt: string;
  readonly links: { readonly self: string; readonly preview: string; readonly ticks: string };
}

/** One line of a schedule's history. */
export interface TickRecord {
  readonly tick: string;
  /** `missed` ticks beyond the newest 100 share a line: from `tick` up to and including this one. */
  readonly until: string | null;
  /** How many ticks the line is about; `null`: too many to be worth counting. */
  readonly count: number | null;
  readonly outcome: TickOutcome;
  readonly jobId: string | null;
  readonly recordedAt: string;
}
