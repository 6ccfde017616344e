import { randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { setTimeout as delay } from "node:timers/promises";
import { type Behaviour, isBilled, parseBehaviour } from "./behaviour.ts";
import { Bill } from "./bill.ts";
import { type Limit, SlidingLimit } from "./limit.ts";
import { eventsOf, type Reply, wholeOf } from "./reply.ts";
import { type AiRequest, answerTo, type Dialect, readRequest, tokensOf } from "./request.ts";

/** A call as it arrived. */
export interface SeenCall {
  readonly mount: string;
  readonly callId: string | null;
  readonly request: AiRequest;
  readonly body: string;
}

export interface FakeProviderOptions {
  /** Micros per million tokens. */
  readonly price?: { readonly inputMicros: number; readonly outputMicros: number };
  /** Limits of mounts; a mount without one has none. */
  readonly limits?: Readonly<Record<string, Limit>>;
  /** Between two events of a streamed answer. */
  readonly eventMs?: number;
  /** Told of every call; the answer waits for what it returns. */
  readonly onCall?: (call: SeenCall) => Promise<void> | void;
}

const endpoints: Readonly<Record<string, Dialect>> = { "chat/completions": "chat", responses: "responses" };

/**
 * An OpenAI-compatible server that does as it is told and keeps a bill: to test what an application does when its provider
 * fails, without one. Any number of mounts: the base URL `http://…/<mount>/v1` answers with the behaviour its name says
 * (`/ok/v1`, `/slow:2000/v1`, `/503/v1`), unless it was scripted otherwise; mounts of other names answer properly.
 *
 * `GET /bill` · `DELETE /bill` · `POST /script {"mount": "ok", "behaviours": ["429:5", "ok"]}` · `POST /limit {"mount",
 * "requests", "tokens", "windowMs"}`. A call is charged for when it is accepted, whether or not its answer arrives.
 */
export class FakeProvider {
  readonly bill: Bill;
  readonly calls: SeenCall[] = [];
  readonly #options: FakeProviderOptions;
  readonly #server: Server;
  readonly #scripts = new Map<string, Behaviour[]>();
  readonly #limits = new Map<string, SlidingLimit>();

  constructor(options: FakeProviderOptions = {}) {
    this.#options = options;
    this.bill = new Bill(options.price ?? { inputMicros: 400_000, outputMicros: 1_600_000 });
    for (const [mount, limit] of Object.entries(options.limits ?? {})) this.limit(mount, limit);
    this.#server = createServer((req, res) => {
      this.#answer(req, res).catch(() => res.destroy());
    });
  }

  /** Listens on the loopback address; 0: any free port. */
  async start(port = 0): Promise<void> {
    this.#server.listen(port, "127.0.0.1");
    await new Promise<void>((resolve, reject) => {
      this.#server.once("listening", resolve).once("error", reject);
    });
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  get origin(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** The base URL of a mount. */
  url(mount = "ok"): string {
    return `${this.origin}/${mount}/v1`;
  }

  /** What the next calls to a mount get, one each; then it goes on as its name says. */
  script(mount: string, behaviours: readonly (string | Behaviour)[]): void {
    const parsed = behaviours.map((one) => (typeof one === "string" ? parseBehaviour(one) : one));
    this.#scripts.set(mount, [...(this.#scripts.get(mount) ?? []), ...parsed]);
  }

  limit(mount: string, limit: Limit): void {
    this.#limits.set(mount, new SlidingLimit(limit));
  }

  async #answer(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const path = decodeURIComponent((req.url ?? "/").split("?")[0]!);
    const body = await text(req);
    const [, mount, endpoint] = /^\/(?:([^/]+)\/)?v1\/(.+)$/.exec(path) ?? [];
    const dialect = endpoint === undefined ? undefined : endpoints[endpoint];
    if (req.method === "POST" && dialect) return this.#call(req, res, mount ?? "ok", dialect, body);
    if (path === "/bill") {
      if (req.method === "DELETE") this.bill.clear();
      return send(res, 200, { ...this.bill.totals(), lines: this.bill.lines });
    }
    if (req.method === "POST" && path === "/script") {
      const { mount: of = "ok", behaviours } = JSON.parse(body);
      this.script(of, behaviours);
      return send(res, 200, { scripted: behaviours.length });
    }
    if (req.method === "POST" && path === "/limit") {
      const { mount: of = "ok", ...limit } = JSON.parse(body);
      this.limit(of, limit);
      return send(res, 200, limit);
    }
    send(res, 404, problem("not_found", "invalid_request_error"));
  }

  async #call(req: IncomingMessage, res: ServerResponse, mount: string, dialect: Dialect, body: string): Promise<void> {
    const request = readRequest(dialect, JSON.parse(body));
    const callId = req.headers["x-client-request-id"]?.toString() ?? null;
    const call: SeenCall = { mount, callId, request, body };
    this.calls.push(call);

    const limit = this.#limits.get(mount);
    const waitMs = limit?.take(request.inputTokens + request.maxTokens) ?? 0;
    const headers = limit?.headers() ?? {};
    if (waitMs > 0) {
      const named = { "retry-after-ms": String(Math.ceil(waitMs)), "retry-after": String(Math.ceil(waitMs / 1_000)) };
      return send(res, 429, problem("rate_limit_exceeded", "requests"), { ...headers, ...named });
    }

    const behaviour = this.#scripts.get(mount)?.shift() ?? namedBy(mount);
    const reply = replyTo(request, behaviour);
    if (isBilled(behaviour)) {
      const { inputTokens } = request;
      const outputTokens = tokensOf(reply.refusal ?? reply.text);
      this.bill.charge({ callId, mount, model: reply.model, inputTokens, outputTokens }, body);
    }
    await this.#options.onCall?.(call);
    if (behaviour.kind === "ok" && behaviour.delayMs > 0) await delay(behaviour.delayMs);
    await this.#act(res, behaviour, request, reply, headers);
  }

  async #act(
    res: ServerResponse,
    behaviour: Behaviour,
    request: AiRequest,
    reply: Reply,
    headers: Record<string, string>,
  ): Promise<void> {
    switch (behaviour.kind) {
      case "limited":
        return send(res, 429, problem("rate_limit_exceeded", "requests"), { ...headers, ...retryAfter(behaviour) });
      case "quota":
        return send(res, 429, problem("insufficient_quota", "insufficient_quota"), headers);
      case "error":
        return send(res, behaviour.status, problem(`status_${behaviour.status}`, "server_error"), headers);
      case "unknown-model":
        return send(res, 404, problem("model_not_found", "invalid_request_error"), headers);
      case "drop":
        return void res.socket?.resetAndDestroy();
      case "broken":
        return void res
          .writeHead(200, { ...headers, "content-type": "application/json" })
          .end('{"id": "chatcmpl-1", "cho');
      case "reset": {
        const whole = JSON.stringify(wholeOf(request, reply));
        const type = request.stream ? "text/event-stream" : "application/json";
        res.writeHead(200, { ...headers, "content-type": type, "content-length": String(whole.length + 1_000) });
        const half = request.stream ? eventsOf(request, reply).slice(0, 2).join("") : whole.slice(0, whole.length / 2);
        return void res.write(half, () => res.socket?.resetAndDestroy());
      }
      default:
        return request.stream
          ? this.#stream(res, request, reply, headers)
          : send(res, 200, wholeOf(request, reply), headers);
    }
  }

  async #stream(res: ServerResponse, request: AiRequest, reply: Reply, headers: Record<string, string>): Promise<void> {
    res.writeHead(200, { ...headers, "content-type": "text/event-stream" });
    for (const event of eventsOf(request, reply)) {
      res.write(event);
      if (this.#options.eventMs) await delay(this.#options.eventMs);
    }
    res.end();
  }
}

function namedBy(mount: string): Behaviour {
  try {
    return parseBehaviour(mount);
  } catch {
    return { kind: "ok", delayMs: 0 };
  }
}

function replyTo(request: AiRequest, behaviour: Behaviour): Reply {
  const whole = behaviour.kind === "say" ? behaviour.text : answerTo(request);
  const limit = behaviour.kind === "length" ? Math.min(4, request.maxTokens) : request.maxTokens;
  const cut = tokensOf(whole) > limit || behaviour.kind === "length";
  const text = cut
    ? Buffer.from(whole)
        .subarray(0, limit * 4)
        .toString("utf8")
    : whole;
  const refusal = behaviour.kind === "refusal" ? "I cannot help with that." : null;
  const usage = { inputTokens: request.inputTokens, outputTokens: tokensOf(refusal ?? text) };
  return {
    id: randomUUID(),
    model: behaviour.kind === "stale-model" ? `${request.model}-of-yesterday` : request.model,
    text,
    refusal,
    finish: cut ? "length" : "stop",
    usage: behaviour.kind === "no-usage" ? null : usage,
  };
}

function retryAfter({ as, afterMs }: Extract<Behaviour, { kind: "limited" }>): Record<string, string> {
  switch (as) {
    case "seconds":
      return { "retry-after": String(Math.ceil(afterMs / 1_000)) };
    case "date":
      return { "retry-after": new Date(Date.now() + afterMs).toUTCString() };
    case "ms":
      return { "retry-after-ms": String(afterMs) };
    case "unsaid":
      return {};
  }
}

function problem(code: string, type: string): object {
  return { error: { message: `The fake provider was told to answer ${code}`, type, code, param: null } };
}

function send(res: ServerResponse, status: number, body: object, headers: Record<string, string> = {}): void {
  res.writeHead(status, { ...headers, "content-type": "application/json" }).end(JSON.stringify(body));
}
