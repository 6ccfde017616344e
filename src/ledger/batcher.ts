/** How a batcher groups. */
export interface BatcherOptions<In, Out> {
  /** Write one group; resolves with one output per input, in order. */
  readonly flush: (items: readonly In[]) => Promise<readonly Out[]>;
  readonly maxItems: number;
  /** Longest time an item waits for company while another group is being written. An idle batcher does not wait. */
  readonly maxWaitMs: number;
  /** Groups written at the same time. */
  readonly maxInFlight: number;
  /** True for an error caused by one of the rows: the group is then halved until the culprit stands alone. */
  readonly isRowError: (error: unknown) => boolean;
  /** True for an error that whatever waits would meet too: then it is told so at once, instead of waiting for its turn. */
  readonly isAway?: (error: unknown) => boolean;
  /** What may wait; beyond it `full` is the answer. Default: no limit. */
  readonly maxPending?: number;
  readonly full?: () => Error;
}

interface Pending<In, Out> {
  readonly item: In;
  readonly resolve: (value: Out) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Group commit: calls that arrive close together become one statement, without their callers knowing.
 *
 * Idle: the first call flushes at the end of the current turn of the event loop, with whatever came in the same turn.
 * Busy: calls gather while a group is being written, until the group ends, `maxItems` is reached or `maxWaitMs` is over.
 * Stopping: what is gathered is written, then `stop` resolves; later calls are refused.
 */
export class Batcher<In, Out> {
  readonly #options: BatcherOptions<In, Out>;
  #pending: Pending<In, Out>[] = [];
  #inFlight = 0;
  #turn: NodeJS.Immediate | null = null;
  #timer: NodeJS.Timeout | null = null;
  #stopped = false;
  #idle: (() => void) | null = null;

  constructor(options: BatcherOptions<In, Out>) {
    this.#options = options;
  }

  /** Rejects with the error of this item alone, or of the whole group where it cannot be told apart. */
  add(item: In): Promise<Out> {
    if (this.#stopped) return Promise.reject(new Error("Expected a running batcher, found a stopped one"));
    const { maxPending = Number.POSITIVE_INFINITY, full = tooMany } = this.#options;
    if (this.#pending.length >= maxPending) return Promise.reject(full());
    return new Promise((resolve, reject) => {
      this.#pending.push({ item, resolve, reject });
      this.#schedule();
    });
  }

  /** Write what is gathered and wait for it. Safe to call twice. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#flushReady();
    if (this.#inFlight === 0 && this.#pending.length === 0) return;
    await new Promise<void>((resolve) => {
      const before = this.#idle;
      this.#idle = () => {
        before?.();
        resolve();
      };
    });
  }

  #schedule(): void {
    if (this.#inFlight === 0) {
      this.#turn ??= setImmediate(() => this.#flushReady());
    } else if (this.#inFlight < this.#options.maxInFlight) {
      if (this.#pending.length >= this.#options.maxItems) this.#flushReady();
      else this.#timer ??= setTimeout(() => this.#flushReady(), this.#options.maxWaitMs);
    }
  }

  #flushReady(): void {
    if (this.#turn) clearImmediate(this.#turn);
    if (this.#timer) clearTimeout(this.#timer);
    this.#turn = null;
    this.#timer = null;
    while (this.#pending.length > 0 && this.#inFlight < this.#options.maxInFlight) {
      const group = this.#pending.splice(0, this.#options.maxItems);
      this.#inFlight += 1;
      void this.#write(group).finally(() => {
        this.#inFlight -= 1;
        if (this.#pending.length > 0) this.#flushReady();
        else if (this.#inFlight === 0) this.#idle?.();
      });
    }
  }

  async #write(group: readonly Pending<In, Out>[]): Promise<void> {
    try {
      const outputs = await this.#options.flush(group.map((pending) => pending.item));
      for (const [index, pending] of group.entries()) pending.resolve(outputs[index] as Out);
    } catch (error) {
      if (group.length === 1 || !this.#options.isRowError(error)) {
        const waiting = this.#options.isAway?.(error) ? this.#pending.splice(0) : [];
        for (const pending of [...group, ...waiting]) pending.reject(error);
        return;
      }
      const middle = group.length >> 1;
      await this.#write(group.slice(0, middle));
      await this.#write(group.slice(middle));
    }
  }
}

function tooMany(): Error {
  return new Error("Expected room for another item, found too many waiting");
}
