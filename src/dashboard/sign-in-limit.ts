import type { Clock } from "#core/clock.ts";
import { minutes } from "#core/duration.ts";

const maxAddresses = 10_000;

/**
 * At most so many sign-in attempts per address and minute, right ones included. Kept in this process: with n dashboards an
 * address has n times as many, which is still nothing against 192 random bits.
 */
export class SignInLimit {
  readonly #perMinute: number;
  readonly #clock: Clock;
  readonly #windows = new Map<string, { count: number; readonly until: number }>();

  constructor(perMinute: number, clock: Clock) {
    this.#perMinute = perMinute;
    this.#clock = clock;
  }

  /** Count an attempt: 0 when it may go on, else the milliseconds to wait. */
  take(address: string): number {
    const now = this.#clock.now();
    const window = this.#windows.get(address);
    if (!window || window.until <= now) {
      this.#windows.delete(address); // so that the map stays in the order of expiry
      if (this.#windows.size >= maxAddresses) this.#windows.delete(this.#windows.keys().next().value!);
      this.#windows.set(address, { count: 1, until: now + minutes(1) });
      return 0;
    }
    window.count += 1;
    return window.count <= this.#perMinute ? 0 : window.until - now;
  }
}
