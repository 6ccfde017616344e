import type { APIError } from "openai";
import { ModelCallFailed } from "#core/ai-models.ts";
import { ratesOf, retryAfterOf } from "./rate-headers.ts";

/** A 429 without a time: what most providers' windows forgive within. */
const unsaidWaitMs = 10_000;

/** What each status means. The provider's words are not read, but for the codes that change the meaning of a status. */
export function fromStatus(
  error: Pick<APIError, "status" | "headers" | "code" | "type">,
  nowMs: number,
): ModelCallFailed {
  const { status, headers } = error;
  const rates = ratesOf(headers);
  const words = `${error.code ?? ""} ${error.type ?? ""}`;
  const failed = (kind: ModelCallFailed["kind"], code: string, more: { retryAfterMs?: number } = {}) =>
    new ModelCallFailed({ kind, code, status, rates, ...more });
  if (status === 429) {
    if (/insufficient_quota|billing/.test(words)) return failed("alert", "provider_quota_spent");
    return failed("wait", "provider_limited", { retryAfterMs: retryAfterOf(headers, nowMs) ?? unsaidWaitMs });
  }
  if (status === 401 || status === 403) return failed("alert", "provider_refuses_key");
  if (status === 402) return failed("alert", "provider_quota_spent");
  if (status === 404) return failed("alert", "provider_model_unknown");
  if (status === 408 || status === 409) return failed("fall-over", "provider_busy");
  if (status !== undefined && status >= 500) return failed("fall-over", "provider_unavailable");
  return failed(
    "stop",
    /content_(policy|filter)|moderation/.test(words) ? "provider_policy" : "provider_refuses_request",
  );
}

/** Errors before a connection stood: nothing can have been charged for. */
const neverReached = new Set([
  "ECONNREFUSED",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "UND_ERR_CONNECT_TIMEOUT",
]);

/** A call that broke on its way: refused, timed out, cut, or answered with what is not an answer. */
export function fromConnection(error: unknown, timedOut: boolean): ModelCallFailed {
  if (timedOut) return new ModelCallFailed({ kind: "fall-over", code: "provider_timed_out", maybeBilled: true });
  const reached = !systemCodes(error).some((code) => neverReached.has(code));
  const code = !reached
    ? "provider_unreachable"
    : error instanceof SyntaxError
      ? "answer_unreadable"
      : "connection_lost";
  return new ModelCallFailed({ kind: "fall-over", code, maybeBilled: reached });
}

/** Codes of an error and of what caused it. */
function systemCodes(error: unknown): string[] {
  const codes: string[] = [];
  for (let at = error, depth = 0; at instanceof Error && depth < 5; at = at.cause, depth += 1) {
    if ("code" in at && typeof at.code === "string") codes.push(at.code);
    if (at instanceof AggregateError) codes.push(...at.errors.flatMap(systemCodes));
  }
  return codes;
}
