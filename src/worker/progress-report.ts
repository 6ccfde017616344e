import type { Ledger } from "../ledger/ledger.ts";

const everyMs = 250; // a watcher's eye does not need more, and each report is a row update

/** What a running attempt says of its progress, thinned out: the newest word at most four times a second. */
export class ProgressReport {
  readonly #ledger: Ledger;
  readonly #id: string;
  readonly #lease: string;
  readonly #kept: boolean;
  #latest: { fraction: number; note: string | null } | null = null;
  #timer: NodeJS.Timeout | null = null;
  #stopped = false;

  /** `kept` false: the job has no row, so there is nowhere to write. */
  constructor(ledger: Ledger, id: string, lease: string, kept: boolean) {
    this.#ledger = ledger;
    this.#id = id;
    this.#lease = lease;
    this.#kept = kept;
  }

  /** Throws a RangeError for a fraction outside 0 to 1. */
  say(fraction: number, note: string | null): void {
    if (!(fraction >= 0 && fraction <= 1)) throw new RangeError(`Expected progress from 0 to 1, found ${fraction}`);
    if (!this.#kept || this.#stopped) return; // a handler that was left behind may go on talking
    this.#latest = { fraction, note };
    this.#timer ??= this.#write();
  }

  stop(): void {
    this.#stopped = true;
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
    this.#latest = null;
  }

  /** Write the newest word now, and again after the interval if there is a newer one by then. */
  #write(): NodeJS.Timeout | null {
    const said = this.#latest;
    this.#latest = null;
    if (!said) return null;
    // A report that is lost is replaced by the next one.
    this.#ledger.progress({ id: this.#id, lease: this.#lease, ...said }).catch(() => undefined);
    return setTimeout(() => {
      this.#timer = this.#write();
    }, everyMs);
  }
}
