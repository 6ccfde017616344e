import { sampleOf } from "./sample.ts";

/** The two ways of asking that OpenAI-compatible providers know. */
export type Dialect = "chat" | "responses";

/** What the fake provider reads of a request. */
export interface AiRequest {
  readonly dialect: Dialect;
  readonly model: string;
  readonly stream: boolean;
  readonly includeUsage: boolean;
  readonly maxTokens: number;
  readonly inputTokens: number;
  /** The last thing the user said. */
  readonly asked: string;
  /** JSON Schema of the answer, when one was asked for. */
  readonly schema: unknown;
}

// biome-ignore lint/suspicious/noExplicitAny: whatever a client sends
export function readRequest(dialect: Dialect, body: any): AiRequest {
  const messages: { role?: string; content?: unknown }[] = (dialect === "chat" ? body.messages : body.input) ?? [];
  const said = messages.map((message) => textOf(message.content));
  const instructions = dialect === "responses" ? String(body.instructions ?? "") : "";
  const format = dialect === "chat" ? body.response_format?.json_schema : body.text?.format;
  return {
    dialect,
    model: String(body.model ?? ""),
    stream: body.stream === true,
    includeUsage: dialect === "responses" || body.stream_options?.include_usage === true,
    maxTokens: Number(body.max_completion_tokens ?? body.max_tokens ?? body.max_output_tokens ?? 1_024),
    inputTokens: tokensOf([instructions, ...said].join("\n")) + 4 * messages.length,
    asked: said.at(-1) ?? "",
    schema: format?.schema ?? null,
  };
}

/** The fake's own tokenizer: four bytes are a token. A real one never makes more tokens of a text than it has bytes. */
export function tokensOf(text: string): number {
  return Math.ceil(Buffer.byteLength(text) / 4);
}

/** A deterministic answer: the schema's sample, or a sentence about what was asked. */
export function answerTo({ asked, schema }: AiRequest): string {
  if (schema) return JSON.stringify(sampleOf(schema));
  return `In short: ${asked.replaceAll(/\s+/g, " ").trim().slice(-200)}`;
}

function textOf(content: unknown): string {
  if (typeof content === "string") return content;
  if (!Array.isArray(content)) return "";
  return content.map((part) => (typeof part?.text === "string" ? part.text : "")).join("\n");
}
