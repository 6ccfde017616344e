/** One place to buy answers from. */
export interface AiProvider {
  readonly name: string;
  readonly model: string;
  /** Which of the two OpenAI-compatible ways of asking it understands. */
  readonly dialect: "chat" | "responses";
  /** Tells keys and addresses apart in Redis without being either. */
  readonly keyId: string;
  /** Until the provider's headers say otherwise; per window of the gate (a minute). */
  readonly limits: { readonly requests: number; readonly tokens: number };
}

export interface ModelMessage {
  readonly role: "system" | "user" | "assistant";
  readonly content: string;
}

/** What is asked of a model. */
export interface ModelRequest {
  readonly messages: readonly ModelMessage[];
  readonly maxOutputTokens: number;
  /** JSON Schema that the answer must meet. */
  readonly schema?: { readonly name: string; readonly schema: Readonly<Record<string, unknown>> };
}

/** Tokens as providers bill them. `inputTokens` includes the cached ones, `outputTokens` the reasoning ones. */
export interface TokenUsage {
  readonly inputTokens: number;
  readonly cachedInputTokens: number;
  readonly outputTokens: number;
  readonly reasoningTokens: number;
}

export interface ModelAnswer {
  readonly text: string;
  readonly finish: "stop" | "length" | "refusal";
  /** The model that says it answered. */
  readonly model: string;
  /** `null`: the provider did not say. */
  readonly usage: TokenUsage | null;
  readonly rates: RateReport;
}

/** What a provider's headers say of its limits. Absent: nothing. */
export interface RateReport {
  readonly limitRequests?: number;
  readonly remainingRequests?: number;
  readonly limitTokens?: number;
  readonly remainingTokens?: number;
}

export interface ModelClient {
  /**
   * One request to one provider, never repeated here. `callId` goes along as `X-Client-Request-Id`. With `onDelta` the
   * answer is streamed. Rejects with ModelCallFailed, or with the signal's reason when it aborts.
   */
  complete(
    provider: AiProvider,
    request: ModelRequest,
    options: {
      readonly callId: string;
      readonly signal: AbortSignal;
      readonly timeoutMs: number;
      readonly onDelta?: ((text: string) => void) | undefined;
    },
  ): Promise<ModelAnswer>;
}

/**
 * What to do about a call that failed. `fall-over`: ask the next provider. `wait`: the provider named its time, or has one.
 * `stop`: no provider will do, the request itself is at fault. `alert`: a person must mend the account or its settings; ask
 * the next provider meanwhile.
 */
export type FailureKind = "fall-over" | "wait" | "stop" | "alert";

/** A call without an answer. Says nothing of what the provider wrote: that may quote the prompt. */
export class ModelCallFailed extends Error {
  readonly kind: FailureKind;
  /** Permanent snake_case code, e.g. `provider_overloaded`. */
  readonly code: string;
  readonly status: number | undefined;
  /** For `wait`: how long. */
  readonly retryAfterMs: number | undefined;
  /** It may have been charged for although there is no answer. */
  readonly maybeBilled: boolean;
  readonly rates: RateReport;

  constructor(failure: {
    kind: FailureKind;
    code: string;
    status?: number | undefined;
    retryAfterMs?: number | undefined;
    maybeBilled?: boolean;
    rates?: RateReport;
  }) {
    super(`The provider did not answer: ${failure.code}`);
    this.name = "ModelCallFailed";
    this.kind = failure.kind;
    this.code = failure.code;
    this.status = failure.status;
    this.retryAfterMs = failure.retryAfterMs;
    this.maybeBilled = failure.maybeBilled ?? false;
    this.rates = failure.rates ?? {};
  }
}

/** Price of a model from one day on, in micros per million tokens; `requestMicros` for each request besides. */
export interface Price {
  readonly provider: string;
  readonly model: string;
  /** First day it holds, UTC. */
  readonly validFrom: string;
  readonly inputMicros: number;
  readonly cachedInputMicros: number;
  readonly outputMicros: number;
  readonly requestMicros: number;
  readonly source: string;
  /** The day somebody last compared it with the source. */
  readonly reviewedOn: string;
}

export interface PriceTable {
  /** The price on that day, also for a dated snapshot of a known model (`gpt-4.1-mini-2025-04-14`); `null`: unknown. */
  find(provider: string, model: string, at: Date): Price | null;
}
