import type { ModelAnswer, TokenUsage } from "./ai-models.ts";
import type { SqlRunner } from "./sql.ts";

/** A call that is about to be made. */
export interface NewCall {
  readonly id: string;
  readonly tenant: string;
  readonly jobId: string;
  /** Which question of the job it is: `answer`, `repair`. */
  readonly step: string;
  readonly attempt: number;
  readonly userId: string | undefined;
  readonly purpose: string;
  readonly provider: string;
  readonly model: string;
  /** The most it can cost. */
  readonly estimateMicros: number;
  readonly priceFrom: string;
}

/** An answer that was paid for. */
export interface PaidAnswer {
  readonly text: string;
  readonly finish: ModelAnswer["finish"];
  readonly provider: string;
  readonly model: string;
  readonly usage: TokenUsage | null;
  readonly costMicros: number;
}

/** How a call ended: with an answer, without one and free of charge, or nobody knows whether it is charged for. */
export type CallEnd =
  | { readonly state: "answered"; readonly answer: PaidAnswer; readonly durationMs: number }
  | { readonly state: "failed" | "unknown"; readonly errorCode: string; readonly durationMs: number };

/** What earlier attempts of a job bought. */
export interface JobCalls {
  /** By step. */
  readonly answers: ReadonlyMap<string, PaidAnswer>;
  /** Cost of answered calls, and estimates of those that may be charged for. */
  readonly committedMicros: number;
}

/** Every call that was ever made: written before it is made, so that none can be paid for without a record. */
export interface CallBook {
  /** What the job has so far. Calls of attempts before `attempt` that never ended become `unknown`. */
  of(tenant: string, jobId: string, attempt: number): Promise<JobCalls>;
  /** Record the intent and reserve its estimate, in the caller's transaction. Rejects with AiBudgetExceeded or AiBudgetReserved. */
  open(call: NewCall, within: SqlRunner): Promise<void>;
  /**
   * Record the end and settle the reservation, in one commit; whoever holds the job, because money was spent. An answer
   * that comes after its call was given up as `unknown` is recorded all the same. Safe to repeat.
   */
  end(call: Pick<NewCall, "id" | "tenant">, end: CallEnd): Promise<void>;
  /** Call `unknown` what has been `sent` for long and whose job does not run: nobody else would. Says how many. */
  giveUpLost(tenant: string): Promise<number>;
  list(filter: CallFilter): Promise<readonly RecordedCall[]>;
}

export const callStates = ["sent", "answered", "failed", "unknown"] as const;
export type CallState = (typeof callStates)[number];

export interface CallFilter {
  readonly tenant: string;
  readonly state?: CallState | undefined;
  readonly jobId?: string | undefined;
  /** Ids below this one. */
  readonly before?: string | undefined;
  readonly limit: number;
}

/** A call as it is listed: everything but what was asked and answered. */
export interface RecordedCall {
  readonly id: string;
  readonly jobId: string;
  readonly step: string;
  readonly attempt: number;
  readonly provider: string;
  readonly model: string;
  readonly purpose: string;
  /** `sent` while its attempt runs; a call whose attempt is gone is `unknown`. */
  readonly state: CallState;
  readonly estimateMicros: number;
  readonly costMicros: number | null;
  readonly inputTokens: number | null;
  readonly outputTokens: number | null;
  readonly errorCode: string | null;
  readonly startedAt: string;
  readonly durationMs: number | null;
}
