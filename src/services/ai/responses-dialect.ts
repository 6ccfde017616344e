import type { Response, ResponseCreateParamsBase, ResponseUsage } from "openai/resources/responses/responses";
import type { ModelAnswer, RateReport, TokenUsage } from "#core/ai-models.ts";
import { unreadable } from "./chat-dialect.ts";
import type { Ask } from "./openai-models.ts";
import { ratesOf } from "./rate-headers.ts";

/** Responses: Perplexity's Agent API, which took the place of its chat completions in September 2026. */
export async function askResponses({ client, provider, request, options, onDelta }: Ask): Promise<ModelAnswer> {
  const body: ResponseCreateParamsBase = {
    model: provider.model,
    input: request.messages.map(({ role, content }) => ({ role, content })),
    max_output_tokens: request.maxOutputTokens,
    ...(request.schema && { text: { format: { type: "json_schema", strict: true, ...request.schema } } }),
  };
  if (!onDelta) {
    const { data, response } = await client.responses.create({ ...body, stream: false }, options).withResponse();
    return toAnswer(data, ratesOf(response.headers));
  }
  const { data, response } = await client.responses.create({ ...body, stream: true }, options).withResponse();
  for await (const event of data) {
    if (event.type === "response.output_text.delta") onDelta(event.delta);
    if (event.type === "response.completed" || event.type === "response.incomplete")
      return toAnswer(event.response, ratesOf(response.headers));
    if (event.type === "response.failed" || event.type === "error") throw unreadable();
  }
  throw unreadable(); // the stream ended, the answer did not
}

function toAnswer(response: Response, rates: RateReport): ModelAnswer {
  if (!Array.isArray(response?.output) || response.status === "failed") throw unreadable();
  const parts = response.output.flatMap((item) => (item.type === "message" ? item.content : []));
  const text = parts.map((part) => (part.type === "output_text" ? part.text : "")).join("");
  const reason = response.incomplete_details?.reason;
  const refused = reason === "content_filter" || parts.some((part) => part.type === "refusal");
  return {
    text,
    finish: refused ? "refusal" : reason === "max_output_tokens" ? "length" : "stop",
    model: response.model,
    usage: usageOf(response.usage),
    rates,
  };
}

function usageOf(usage: ResponseUsage | undefined): TokenUsage | null {
  if (!usage || !Number.isInteger(usage.input_tokens) || !Number.isInteger(usage.output_tokens)) return null;
  return {
    inputTokens: usage.input_tokens,
    cachedInputTokens: usage.input_tokens_details?.cached_tokens ?? 0,
    outputTokens: usage.output_tokens,
    reasoningTokens: usage.output_tokens_details?.reasoning_tokens ?? 0,
  };
}
