import type { Problem } from "#core/problems.ts";

/** The API answered a problem document (RFC 9457). Match on `code`: it is permanent. */
export class ProblemError extends Error {
  readonly code: string;
  readonly status: number;
  readonly problem: Problem;
  /** Rejected fields with their paths, when the input was refused. */
  readonly errors: NonNullable<Problem["errors"]>;
  /** How long the API asks to wait, ms; `null` when it does not say. */
  readonly retryAfterMs: number | null;
  /** Finds the request in the API's log. */
  readonly requestId: string | null;

  constructor(problem: Problem, headers: Headers) {
    super(problem.detail ?? problem.title);
    this.name = "ProblemError";
    this.code = problem.code;
    this.status = problem.status;
    this.problem = problem;
    this.errors = problem.errors ?? [];
    const retryAfter = Number(headers.get("retry-after") ?? Number.NaN);
    this.retryAfterMs = Number.isFinite(retryAfter) ? retryAfter * 1_000 : null;
    this.requestId = headers.get("x-request-id");
  }
}

export interface Ask {
  readonly method?: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal | undefined;
}

/** Requests with the key and the tenant of one client. */
export class Http {
  readonly #baseUrl: string;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #fetch: typeof fetch;

  constructor(options: { baseUrl: string; key: string; tenant?: string; fetch?: typeof fetch }) {
    this.#baseUrl = options.baseUrl.replace(/\/+$/, "");
    this.#headers = {
      authorization: `Bearer ${options.key}`,
      ...(options.tenant !== undefined && { "nightshift-tenant": options.tenant }),
    };
    this.#fetch = options.fetch ?? fetch;
  }

  /** Resolves with an answer below 400; rejects with ProblemError for every other, and as fetch does. */
  async send(path: string, { method, body, headers, signal }: Ask = {}): Promise<Response> {
    const response = await this.#fetch(this.#baseUrl + path, {
      method: method ?? (body === undefined ? "GET" : "POST"),
      headers: {
        ...this.#headers,
        ...(body !== undefined && { "content-type": "application/json" }),
        ...headers,
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      ...(signal && { signal }),
    });
    if (response.status < 400) return response;
    throw new ProblemError(await problemOf(response), response.headers);
  }

  async json<T>(path: string, ask: Ask = {}): Promise<T> {
    return (await this.send(path, ask)).json() as Promise<T>;
  }
}

/** A proxy in between may answer something else than a problem document. */
async function problemOf(response: Response): Promise<Problem> {
  const text = await response.text();
  if (response.headers.get("content-type")?.startsWith("application/problem+json")) return JSON.parse(text) as Problem;
  const title = `Expected a problem document, found ${response.headers.get("content-type") ?? "no type"}`;
  return { type: "about:blank", title, status: response.status, code: "not_a_problem_document" };
}
