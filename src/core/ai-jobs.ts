import type { TokenUsage } from "./ai-models.ts";

/** What the AI jobs take and answer, for those who know them by name alone. Held to it by the jobs' definitions. */

/** Who asks, and how much it may cost. */
export interface AiAsker {
  /** Who asks, in your numbering: for budgets per user. */
  readonly userId?: string | undefined;
  /** The feature that asks: for budgets per feature. */
  readonly purpose?: string | undefined;
  /** The most the job may cost, in millionths of a dollar. */
  readonly maxCostMicros?: number | undefined;
}

/** `ai.respond`. */
export interface AiMessage extends AiAsker {
  readonly message: string;
  /** What the answer is to rest on. */
  readonly context?: string | undefined;
  /** The conversation it belongs to: its last messages go along. */
  readonly sessionId?: string | undefined;
  /** Tell the answer as it comes. */
  readonly stream?: boolean | undefined;
}

/** What was bought. Money is in millionths of a dollar. */
export interface AiPurchase {
  /** Who answered; `simple`: the rules, without a model. */
  readonly provider: string;
  readonly model: string;
  /** Asked before, and bought nothing this time. */
  readonly cached: boolean;
  readonly usage: TokenUsage | null;
  readonly costMicros: number;
}

export interface AiAnswer extends AiPurchase {
  readonly answer: string;
  /** No model could be reached: these are sentences of the context that fit the question. */
  readonly degraded: boolean;
  /** The answer was cut at its longest. */
  readonly truncated: boolean;
}

/** `ai.extract`. */
export interface AiText extends AiAsker {
  readonly text: string;
  /** Name of a registered schema. */
  readonly schema: string;
}

export interface AiExtract extends AiPurchase {
  readonly schema: string;
  /** Meets the schema. */
  readonly data?: unknown;
  /** The first answer did not meet the schema, the second one does. */
  readonly repaired: boolean;
}
