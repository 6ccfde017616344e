/** So many requests and tokens in any stretch of `windowMs`. */
export interface Limit {
  readonly requests: number;
  readonly tokens: number;
  readonly windowMs: number;
}

interface Taken {
  readonly at: number;
  readonly tokens: number;
}

/**
 * The strictest limit a provider can keep: no stretch of the window's length, wherever it begins, holds more than the limit.
 * Who stays within this one stays within fixed windows and token buckets as well.
 */
export class SlidingLimit {
  readonly #limit: Limit;
  readonly #now: () => number;
  #taken: readonly Taken[] = [];

  constructor(limit: Limit, now: () => number = () => performance.now()) {
    this.#limit = limit;
    this.#now = now;
  }

  /** Take a request of so many tokens: 0, or the milliseconds until it would fit. */
  take(tokens: number): number {
    const at = this.#now();
    const { requests, windowMs } = this.#limit;
    this.#taken = this.#taken.filter((one) => one.at > at - windowMs);
    const fits = (kept: readonly Taken[]) =>
      kept.length < requests && kept.reduce((sum, one) => sum + one.tokens, 0) + tokens <= this.#limit.tokens;
    if (fits(this.#taken)) {
      this.#taken = [...this.#taken, { at, tokens }];
      return 0;
    }
    const first = this.#taken.findIndex((_, index) => fits(this.#taken.slice(index + 1)));
    return Math.max(1, (this.#taken[first]?.at ?? at) + windowMs - at);
  }

  /** As OpenAI says it: limit, what remains, and the time until everything remains. */
  headers(): Record<string, string> {
    const { requests, tokens, windowMs } = this.#limit;
    const used = this.#taken.reduce((sum, one) => sum + one.tokens, 0);
    const last = this.#taken.at(-1);
    const reset = `${((last ? last.at + windowMs - this.#now() : 0) / 1_000).toFixed(3)}s`;
    return {
      "x-ratelimit-limit-requests": String(requests),
      "x-ratelimit-remaining-requests": String(requests - this.#taken.length),
      "x-ratelimit-reset-requests": reset,
      "x-ratelimit-limit-tokens": String(tokens),
      "x-ratelimit-remaining-tokens": String(tokens - used),
      "x-ratelimit-reset-tokens": reset,
    };
  }
}
