/**
 * An AbortController that is made when somebody asks for its signal. Every attempt can be interrupted and few are: two
 * controllers with a listener each were a tenth of a worker's time for a job that does nothing (2026-11-20). One hears of
 * it at most through `onAbort`; whoever else wants to takes the signal. The first reason counts.
 */
export class LazyAbort<Reason = unknown> {
  #aborted = false;
  #reason: Reason | null = null;
  #hear: ((reason: Reason) => void) | null = null;
  #controller: AbortController | null = null;

  get aborted(): boolean {
    return this.#aborted;
  }

  /** `null` until aborted. */
  get reason(): Reason | null {
    return this.#reason;
  }

  get signal(): AbortSignal {
    if (!this.#controller) {
      this.#controller = new AbortController();
      if (this.#aborted) this.#controller.abort(this.#reason);
    }
    return this.#controller.signal;
  }

  abort(reason: Reason): void {
    if (this.#aborted) return;
    this.#aborted = true;
    this.#reason = reason;
    this.#controller?.abort(reason);
    this.#hear?.(reason);
  }

  /** Call `hear` when aborted, or now if that has happened. In place of an earlier one. */
  onAbort(hear: (reason: Reason) => void): void {
    this.#hear = hear;
    if (this.#aborted) hear(this.#reason as Reason);
  }
}
