import type { ModelMessage, Price, TokenUsage } from "#core/ai-models.ts";

/** What a chat format adds around each message, and before the answer; generous: OpenAI's adds 3 and 3. */
const perMessage = 8;
const perRequest = 16;

/**
 * The most tokens that messages (and a schema) can come to. A byte-level tokenizer never makes more tokens of a text than
 * it has bytes of UTF-8, so this bound holds for every model of the chain, without a tokenizer (ADR 10).
 */
export function tokenBound(messages: readonly ModelMessage[], schema?: object): number {
  const texts = messages.reduce((sum, { content }) => sum + Buffer.byteLength(content) + perMessage, perRequest);
  return texts + (schema ? Buffer.byteLength(JSON.stringify(schema)) : 0);
}

/** About how many tokens a text is: four bytes each, as English is. For what need not be safe: limits, memory. */
export function tokenGuess(text: string): number {
  return Math.ceil(Buffer.byteLength(text) / 4);
}

/** The most a call can cost, in micros: every token at its dearest. */
export function costBound(price: Price, inputTokens: number, outputTokens: number): number {
  const { inputMicros, cachedInputMicros, outputMicros, requestMicros } = price;
  const input = inputTokens * Math.max(inputMicros, cachedInputMicros);
  return Math.ceil((input + outputTokens * outputMicros) / 1_000_000) + requestMicros;
}

/** What a call did cost, in micros, rounded up. Reasoning tokens are output tokens. */
export function costOf(price: Price, usage: TokenUsage): number {
  const cached = Math.min(usage.cachedInputTokens, usage.inputTokens);
  const input = (usage.inputTokens - cached) * price.inputMicros + cached * price.cachedInputMicros;
  return Math.ceil((input + usage.outputTokens * price.outputMicros) / 1_000_000) + price.requestMicros;
}
