import type { ChatCompletionCreateParamsBase } from "openai/resources/chat/completions";
import type { CompletionUsage } from "openai/resources/completions";
import { type ModelAnswer, ModelCallFailed, type TokenUsage } from "#core/ai-models.ts";
import type { Ask } from "./openai-models.ts";
import { ratesOf } from "./rate-headers.ts";

/** Chat Completions: OpenAI, the Hugging Face router, and most servers that call themselves compatible. */
export async function askChat({ client, provider, request, options, onDelta }: Ask): Promise<ModelAnswer> {
  const body: ChatCompletionCreateParamsBase = {
    model: provider.model,
    messages: request.messages.map(({ role, content }) => ({ role, content })),
    // Newer models know only the second name, other servers only the first.
    ...(provider.name === "openai"
      ? { max_completion_tokens: request.maxOutputTokens }
      : { max_tokens: request.maxOutputTokens }),
    ...(request.schema && {
      response_format: { type: "json_schema", json_schema: { ...request.schema, strict: true } },
    }),
  };
  if (onDelta) return streamed({ client, provider, request, options, onDelta }, body);
  const { data, response } = await client.chat.completions.create({ ...body, stream: false }, options).withResponse();
  const choice = data?.choices?.[0];
  if (!choice) throw unreadable();
  const { message, finish_reason: reason } = choice;
  return {
    text: message.content ?? "",
    finish: finishOf(reason, message.refusal),
    model: data.model,
    usage: usageOf(data.usage),
    rates: ratesOf(response.headers),
  };
}

async function streamed(ask: Ask, body: ChatCompletionCreateParamsBase): Promise<ModelAnswer> {
  const { client, provider, options, onDelta } = ask;
  const { data, response } = await client.chat.completions
    .create({ ...body, stream: true, stream_options: { include_usage: true } }, options)
    .withResponse();
  let text = "";
  let refusal = "";
  let reason: string | null = null;
  let usage: CompletionUsage | null = null;
  let { model } = provider;
  for await (const chunk of data) {
    model = chunk.model || model;
    usage = chunk.usage ?? usage;
    const [choice] = chunk.choices ?? [];
    if (!choice) continue;
    reason = choice.finish_reason ?? reason;
    refusal += choice.delta?.refusal ?? "";
    const { content } = choice.delta ?? {};
    if (!content) continue;
    text += content;
    onDelta?.(content);
  }
  if (reason === null) throw unreadable(); // the stream ended, the answer did not
  return { text, finish: finishOf(reason, refusal), model, usage: usageOf(usage), rates: ratesOf(response.headers) };
}

function finishOf(reason: string | null, refusal: string | null | undefined): ModelAnswer["finish"] {
  if (refusal || reason === "content_filter") return "refusal";
  return reason === "length" ? "length" : "stop";
}

function usageOf(usage: CompletionUsage | null | undefined): TokenUsage | null {
  if (!usage || !Number.isInteger(usage.prompt_tokens) || !Number.isInteger(usage.completion_tokens)) return null;
  return {
    inputTokens: usage.prompt_tokens,
    cachedInputTokens: usage.prompt_tokens_details?.cached_tokens ?? 0,
    outputTokens: usage.completion_tokens,
    reasoningTokens: usage.completion_tokens_details?.reasoning_tokens ?? 0,
  };
}

/** Answered with 200, and with nothing that can be read: charged for, in all likelihood. */
export function unreadable(): ModelCallFailed {
  return new ModelCallFailed({ kind: "fall-over", code: "answer_unreadable", maybeBilled: true });
}
