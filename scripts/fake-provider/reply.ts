import type { AiRequest } from "./request.ts";

/** What is answered, before it is put into one of the dialects. */
export interface Reply {
  readonly id: string;
  readonly model: string;
  readonly text: string;
  readonly refusal: string | null;
  readonly finish: "stop" | "length";
  readonly usage: { readonly inputTokens: number; readonly outputTokens: number } | null;
}

/** The body of an answer in one piece. */
export function wholeOf({ dialect }: AiRequest, reply: Reply): object {
  return dialect === "chat" ? chatCompletion(reply) : response(reply);
}

/** The server-sent events of an answer that comes word by word. */
export function eventsOf({ dialect, includeUsage }: AiRequest, reply: Reply): string[] {
  const words = (reply.refusal === null ? reply.text : "").match(/\S+\s*/g) ?? [];
  return dialect === "chat" ? chatEvents(reply, words, includeUsage) : responseEvents(reply, words);
}

function chatCompletion(reply: Reply): object {
  const message = { role: "assistant", content: reply.refusal === null ? reply.text : null, refusal: reply.refusal };
  return {
    ...chatHead(reply, "chat.completion"),
    choices: [{ index: 0, message, finish_reason: reply.finish, logprobs: null }],
    ...(reply.usage && { usage: chatUsage(reply.usage) }),
  };
}

function chatEvents(reply: Reply, words: readonly string[], includeUsage: boolean): string[] {
  const head = chatHead(reply, "chat.completion.chunk");
  const chunk = (delta: object, finish: string | null) =>
    data({ ...head, choices: [{ index: 0, delta, finish_reason: finish, logprobs: null }] });
  return [
    chunk({ role: "assistant", content: "" }, null),
    ...words.map((content) => chunk({ content }, null)),
    ...(reply.refusal === null ? [] : [chunk({ refusal: reply.refusal }, null)]),
    chunk({}, reply.finish),
    ...(includeUsage && reply.usage ? [data({ ...head, choices: [], usage: chatUsage(reply.usage) })] : []),
    "data: [DONE]\n\n",
  ];
}

function chatHead({ id, model }: Reply, object: string): object {
  return { id: `chatcmpl-${id}`, object, created: Math.floor(Date.now() / 1_000), model };
}

function chatUsage({ inputTokens, outputTokens }: NonNullable<Reply["usage"]>): object {
  return {
    prompt_tokens: inputTokens,
    completion_tokens: outputTokens,
    total_tokens: inputTokens + outputTokens,
    prompt_tokens_details: { cached_tokens: 0 },
    completion_tokens_details: { reasoning_tokens: 0 },
  };
}

function response(reply: Reply): object {
  const content =
    reply.refusal === null
      ? { type: "output_text", text: reply.text, annotations: [] }
      : { type: "refusal", refusal: reply.refusal };
  const { usage } = reply;
  return {
    id: `resp_${reply.id}`,
    object: "response",
    created_at: Math.floor(Date.now() / 1_000),
    model: reply.model,
    status: reply.finish === "stop" ? "completed" : "incomplete",
    incomplete_details: reply.finish === "stop" ? null : { reason: "max_output_tokens" },
    error: null,
    output: [{ type: "message", id: `msg_${reply.id}`, role: "assistant", status: "completed", content: [content] }],
    ...(usage && {
      usage: {
        input_tokens: usage.inputTokens,
        input_tokens_details: { cached_tokens: 0 },
        output_tokens: usage.outputTokens,
        output_tokens_details: { reasoning_tokens: 0 },
        total_tokens: usage.inputTokens + usage.outputTokens,
      },
    }),
  };
}

function responseEvents(reply: Reply, words: readonly string[]): string[] {
  const event = (type: string, rest: object) => `event: ${type}\n${data({ type, ...rest })}`;
  const place = { item_id: `msg_${reply.id}`, output_index: 0, content_index: 0 };
  const end = reply.finish === "stop" ? "response.completed" : "response.incomplete";
  return [
    event("response.created", { response: { ...response(reply), status: "in_progress", output: [] } }),
    ...words.map((delta) => event("response.output_text.delta", { ...place, delta })),
    event(end, { response: response(reply) }),
  ];
}

function data(value: object): string {
  return `data: ${JSON.stringify(value)}\n\n`;
}
