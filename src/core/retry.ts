/**
 * How often a job is tried and how long it waits in between. Pure data, so that a policy can be shown by
 * `GET /v1/job-types`; `delayBefore` is the one function that reads it.
 */
export type RetryPolicy =
  | {
      readonly kind: "exponential";
      readonly attempts: number;
      readonly firstMs: number;
      readonly maxMs: number;
      readonly jitter: number;
    }
  | { readonly kind: "fixed"; readonly attempts: number; readonly delayMs: number }
  | { readonly kind: "list"; readonly attempts: number; readonly delaysMs: readonly number[] };

/** `firstMs`, then twice as long each time, never above `maxMs`; `jitter` 0.2 spreads each delay over ±20 %. */
export function exponential(options: {
  attempts: number;
  firstMs: number;
  maxMs: number;
  jitter: number;
}): RetryPolicy {
  return checked({ kind: "exponential", ...options });
}

/** The same delay before every retry. */
export function fixed(options: { attempts: number; delayMs: number }): RetryPolicy {
  return checked({ kind: "fixed", ...options });
}

/** One delay per retry: `list([1000, 60000])` allows three attempts. */
export function list(delaysMs: readonly number[]): RetryPolicy {
  return checked({ kind: "list", attempts: delaysMs.length + 1, delaysMs });
}

/** A single attempt: the first failure is final. */
export const noRetry: RetryPolicy = { kind: "fixed", attempts: 1, delayMs: 0 };

/**
 * The wait before the next attempt after `spent` attempts have failed (1 = after the first), or `null` when none is left.
 * `random` yields [0, 1).
 */
export function delayBefore(policy: RetryPolicy, spent: number, random: () => number = Math.random): number | null {
  if (spent >= policy.attempts) return null;
  switch (policy.kind) {
    case "fixed":
      return policy.delayMs;
    case "list":
      return policy.delaysMs[spent - 1] ?? 0;
    case "exponential": {
      const plain = Math.min(policy.firstMs * 2 ** (spent - 1), policy.maxMs);
      const spread = 1 + policy.jitter * (2 * random() - 1);
      return Math.min(Math.round(plain * spread), policy.maxMs);
    }
  }
}

function checked(policy: RetryPolicy): RetryPolicy {
  const delays =
    policy.kind === "list"
      ? policy.delaysMs
      : policy.kind === "fixed"
        ? [policy.delayMs]
        : [policy.firstMs, policy.maxMs];
  if (!Number.isInteger(policy.attempts) || policy.attempts < 1 || policy.attempts > 100)
    throw new RangeError(`Expected attempts to be an integer from 1 to 100, found ${policy.attempts}`);
  if (delays.some((delay) => !(delay >= 0 && Number.isFinite(delay))))
    throw new RangeError(`Expected every delay to be a number of milliseconds ≥ 0, found ${delays.join(", ")}`);
  if (policy.kind === "exponential" && !(policy.jitter >= 0 && policy.jitter < 1))
    throw new RangeError(`Expected jitter in [0, 1), found ${policy.jitter}`);
  return policy;
}
