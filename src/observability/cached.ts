import type { Clock } from "#core/clock.ts";

/**
 * The last answer of `load`, renewed when it is older than `freshMs`. Callers who come while it loads share the one call,
 * so that however many look, the store is asked once. A failure is not kept.
 */
export class Cached<T> {
  readonly #load: () => Promise<T>;
  readonly #freshMs: number;
  readonly #clock: Clock;
  #kept: { readonly value: T; readonly at: number } | null = null;
  #loading: Promise<T> | null = null;

  constructor(freshMs: number, clock: Clock, load: () => Promise<T>) {
    this.#freshMs = freshMs;
    this.#clock = clock;
    this.#load = load;
  }

  get(): Promise<T> {
    if (this.#kept && this.#clock.now() - this.#kept.at < this.#freshMs) return Promise.resolve(this.#kept.value);
    this.#loading ??= this.#renew().finally(() => {
      this.#loading = null;
    });
    return this.#loading;
  }

  async #renew(): Promise<T> {
    const value = await this.#load();
    this.#kept = { value, at: this.#clock.now() };
    return value;
  }
}
