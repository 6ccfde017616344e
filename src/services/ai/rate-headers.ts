import type { RateReport } from "#core/ai-models.ts";

/** What the provider says of its limits, as OpenAI and those who follow it do. */
export function ratesOf(headers: Headers | undefined): RateReport {
  const count = (name: string): number | undefined => {
    const value = headers?.get(name);
    return value && /^\d{1,12}$/.test(value.trim()) ? Number(value) : undefined;
  };
  const said = {
    limitRequests: count("x-ratelimit-limit-requests"),
    remainingRequests: count("x-ratelimit-remaining-requests"),
    limitTokens: count("x-ratelimit-limit-tokens"),
    remainingTokens: count("x-ratelimit-remaining-tokens"),
  };
  return Object.fromEntries(Object.entries(said).filter(([, value]) => value !== undefined));
}

/**
 * How long the provider asked to wait, in milliseconds: `retry-after-ms`, or `Retry-After` in seconds or as an HTTP date.
 * `null`: it did not say, or not in a way that can be read.
 */
export function retryAfterOf(headers: Headers | undefined, nowMs: number): number | null {
  const exact = headers?.get("retry-after-ms")?.trim();
  if (exact && /^\d+(\.\d+)?$/.test(exact)) return Math.ceil(Number(exact));
  const said = headers?.get("retry-after")?.trim();
  if (!said) return null;
  if (/^\d+(\.\d+)?$/.test(said)) return Math.ceil(Number(said) * 1_000);
  const at = Date.parse(said);
  return Number.isNaN(at) ? null : Math.max(0, at - nowMs);
}
