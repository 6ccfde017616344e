/** Instants as `Date.prototype.toISOString` writes them, for callers who mostly ask for the millisecond they asked for last. */
export class InstantText {
  #ms = Number.NaN;
  #text = "";

  /** `ms`: since the Unix epoch. */
  of(ms: number): string {
    if (ms !== this.#ms) {
      this.#text = new Date(ms).toISOString();
      this.#ms = ms;
    }
    return this.#text;
  }
}
