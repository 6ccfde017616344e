import type OpenAI from "openai";
import {
  type AiProvider,
  type ModelAnswer,
  ModelCallFailed,
  type ModelClient,
  type ModelRequest,
} from "#core/ai-models.ts";
import { askChat } from "./chat-dialect.ts";
import { fromConnection, fromStatus } from "./failure.ts";
import { askResponses } from "./responses-dialect.ts";

/** Where a provider is and what opens it. Kept out of `AiProvider`, which handlers and logs may see. */
export interface Connection {
  readonly baseUrl: string;
  readonly apiKey: string;
}

/** What one call of either dialect gets. */
export interface Ask {
  readonly client: OpenAI;
  readonly provider: AiProvider;
  readonly request: ModelRequest;
  readonly options: { readonly signal: AbortSignal; readonly headers: Record<string, string> };
  readonly onDelta: ((text: string) => void) | undefined;
}

/**
 * Model providers through the `openai` package: one client per base URL and key, and no retries of its own, because it
 * ignores a Retry-After above a minute: the queue waits instead. The package is loaded by the first call, so that
 * processes that make none stay small.
 */
export class OpenAiModels implements ModelClient {
  readonly #connections: ReadonlyMap<string, Connection>;
  readonly #clients = new Map<string, Promise<OpenAI>>();

  /** `connections`: by the provider's `keyId`. */
  constructor(connections: ReadonlyMap<string, Connection>) {
    this.#connections = connections;
  }

  async complete(
    provider: AiProvider,
    request: ModelRequest,
    { callId, signal, timeoutMs, onDelta }: Parameters<ModelClient["complete"]>[2],
  ): Promise<ModelAnswer> {
    const client = await this.#client(provider);
    const timeout = AbortSignal.timeout(timeoutMs);
    const either = AbortSignal.any([signal, timeout]);
    const options = { signal: either, headers: { "x-client-request-id": callId } };
    const told = onDelta && ((text: string) => onDelta(text.replaceAll("\0", "\uFFFD")));
    const ask = provider.dialect === "chat" ? askChat : askResponses;
    try {
      const answer = await ask({ client, provider, request, options, onDelta: told });
      either.throwIfAborted(); // a stream that is cut off by its signal ends without an error
      return { ...answer, text: storable(answer.text), model: storable(answer.model) };
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof ModelCallFailed) throw error;
      const { APIError } = await import("openai");
      if (error instanceof APIError && error.status !== undefined) throw fromStatus(error, Date.now());
      throw fromConnection(error, timeout.aborted);
    }
  }

  #client({ keyId }: AiProvider): Promise<OpenAI> {
    const known = this.#clients.get(keyId);
    if (known) return known;
    const { baseUrl, apiKey } = this.#connections.get(keyId)!;
    const client = import("openai").then(
      ({ default: Client }) => new Client({ baseURL: baseUrl, apiKey, maxRetries: 0, logLevel: "off" }),
    );
    this.#clients.set(keyId, client);
    return client;
  }
}

/** What Postgres can hold: an answer that was paid for must not be lost over a character. */
function storable(text: string): string {
  return text.replaceAll("\0", "\uFFFD").toWellFormed();
}
