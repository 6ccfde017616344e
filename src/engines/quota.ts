/** Lets so many through in every second of this process, the first to come. */
export class Quota {
  readonly #perSecond: number;
  readonly #now: () => number;
  #second = 0;
  #taken = 0;

  /** `now` in ms. */
  constructor(perSecond: number, now: () => number = () => performance.now()) {
    this.#perSecond = perSecond;
    this.#now = now;
  }

  take(): boolean {
    const second = Math.floor(this.#now() / 1_000);
    if (second !== this.#second) {
      this.#second = second;
      this.#taken = 0;
    }
    this.#taken += 1;
    return this.#taken <= this.#perSecond;
  }
}
