import { NotSent } from "#core/channel.ts";
import { seconds } from "#core/duration.ts";
import { RetryAfter } from "#core/outcome.ts";

const timeoutMs = seconds(15);
/** Longer waits are somebody's mistake; the queue may hold a job this long. */
const longestWaitMs = seconds(86_400);
const defaultWaitMs = seconds(30);

/** Codes of a connection that never was: nothing has been sent. */
const neverConnected =
  /^(ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|UND_ERR_CONNECT_TIMEOUT|CERT_\w+|ERR_TLS_\w+|DEPTH_ZERO_\w+)$/;

/**
 * POST JSON to a service. Answers its status; rejects with `NotSent` when there was no connection, with `RetryAfter` for a
 * 429, and otherwise with what broke: the request may have been heard. Redirects are not followed.
 */
export async function postJson(
  channel: string,
  url: string,
  body: unknown,
  signal: AbortSignal,
): Promise<{ status: number }> {
  let response: Response;
  try {
    response = await fetch(url, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
      redirect: "manual",
      signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
    });
  } catch (error) {
    const { code } = ((error as Error).cause ?? {}) as { code?: unknown };
    if (typeof code === "string" && neverConnected.test(code)) throw new NotSent(channel, code, error);
    throw error;
  }
  await response.body?.cancel();
  if (response.status === 429) throw new RetryAfter(waitOf(response.headers.get("retry-after")), { channel });
  return { status: response.status };
}

/** `Retry-After` in ms: seconds, or a date (RFC 9110). */
export function waitOf(header: string | null, now = Date.now()): number {
  if (header === null) return defaultWaitMs;
  const wait = /^\d+(\.\d+)?$/.test(header.trim()) ? Number(header) * 1_000 : Date.parse(header) - now;
  return Number.isFinite(wait) ? Math.min(Math.max(Math.ceil(wait), 1_000), longestWaitMs) : defaultWaitMs;
}
