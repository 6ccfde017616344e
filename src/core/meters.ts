import type { BudgetPeriod, BudgetScope } from "./ai-budgets.ts";
import type { CallState } from "./ai-calls.ts";
import type { TokenUsage } from "./ai-models.ts";

/**
 * What the families tell the metrics of their process, as it happens. Called once a thing is certain (after its commit).
 * Names and numbers only: nothing of what was said, asked or answered, and nobody's name.
 */
export interface Meters {
  readonly reminders: ReminderMeter;
  readonly reports: ReportMeter;
  readonly ai: AiMeter;
}

export interface ReminderMeter {
  /** A message came into this state when its turn had come; `planned`: it was not sent, and waits for another attempt. */
  delivery(message: {
    readonly tenant: string;
    readonly channel: string;
    readonly state: "planned" | "sent" | "failed" | "unknown" | "suppressed" | "superseded";
  }): void;
}

/**
 * `hit`: fresh. `stale`: served at once, marked. `wait`: served after a computation that was waited for. `miss`: told to come
 * again. `unavailable`: refused, because the computation failed or a store is away.
 */
export type ReadOutcome = "hit" | "stale" | "wait" | "miss" | "unavailable";

/**
 * `computed`. `needless`: a fresh result was there. `failed`, `timed-out`: readers get no other for a minute. `lost`: a newer
 * lease was given out, nothing was stored. `interrupted`: aborted, or a store went away.
 */
export type ComputationOutcome = "computed" | "needless" | "failed" | "timed-out" | "lost" | "interrupted";

export interface ReportMeter {
  read(read: { readonly tenant: string; readonly report: string; readonly outcome: ReadOutcome }): void;
  /** `tookMs`: in the database; `null` when nothing was computed. */
  computation(computation: {
    readonly tenant: string;
    readonly report: string;
    readonly outcome: ComputationOutcome;
    readonly tookMs: number | null;
  }): void;
  /** The planner ordered so many refreshes, which it expects to take so long. */
  planned(plan: { readonly refreshed: number; readonly plannedMs: number }): void;
}

/**
 * Why a call was held back. `brief`: waited for in its slot. `queued`: the job comes back at its turn. `passed-over`: another
 * provider was asked instead. `provider`: the provider said 429 and named its time.
 */
export type LimitWait = "brief" | "queued" | "passed-over" | "provider";

export interface AiMeter {
  /** A call has ended on record. `costMicros`: of `answered` its cost, of `unknown` the estimate that counts as spent. */
  call(call: {
    readonly tenant: string;
    readonly provider: string;
    /** As it was asked for: what answers may name itself as it likes. */
    readonly model: string;
    readonly outcome: Exclude<CallState, "sent">;
    readonly usage: TokenUsage | null;
    readonly costMicros: number;
    readonly durationMs: number;
  }): void;
  cacheLook(look: { readonly tenant: string; readonly outcome: "hit" | "lead" | "wait" }): void;
  /** An answer came from the rules, because no provider could be reached. */
  degraded(answer: { readonly tenant: string }): void;
  breaker(change: { readonly provider: string; readonly change: "opened" | "closed" }): void;
  limitWait(wait: { readonly provider: string; readonly kind: LimitWait }): void;
  budgetRefusal(refusal: { readonly tenant: string; readonly scope: BudgetScope; readonly period: BudgetPeriod }): void;
}

const ignore = (): void => undefined;

/** Tells nobody: for processes and tests without metrics. */
export const silentMeters: Meters = {
  reminders: { delivery: ignore },
  reports: { read: ignore, computation: ignore, planned: ignore },
  ai: {
    call: ignore,
    cacheLook: ignore,
    degraded: ignore,
    breaker: ignore,
    limitWait: ignore,
    budgetRefusal: ignore,
  },
};
