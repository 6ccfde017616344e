import type { ErrorSummary } from "#core/errors.ts";
import type { QueueDefinition } from "#core/queue.ts";
import type { Consumer, Delivery, Engine, Verdict } from "../../src/engines/engine.ts";

/** A delivery that waits for the test to decide. */
export interface HeldDelivery extends Delivery {
  readonly id: string;
  /** `Date.now()` at delivery. */
  readonly at: number;
  settle(verdict: Verdict): void;
}

/** A consumer worked by hand: the test takes deliveries one at a time and gives each its verdict. */
export class HandWorker {
  readonly consumer: Consumer;
  readonly errors: Error[] = [];
  readonly #arrived = new Stream<HeldDelivery>();
  readonly #erred = new Stream<Error>();
  readonly #dead = new Stream<{ id: string; error: ErrorSummary }>();

  constructor(engine: Engine, queue: QueueDefinition) {
    this.consumer = engine.consume(queue, (delivery) => this.#hold(delivery), {
      onDead: (id, error) => this.#dead.push({ id, error }),
      onError: (error) => {
        this.errors.push(error);
        this.#erred.push(error);
      },
    });
  }

  start(): Promise<void> {
    return this.consumer.start();
  }

  async stop(): Promise<void> {
    await this.consumer.stop(10_000);
  }

  /** The next delivery, in order of arrival. */
  next(): Promise<HeldDelivery> {
    return this.#arrived.next();
  }

  /** Take the next delivery and settle it. */
  async do(verdict: Verdict): Promise<HeldDelivery> {
    const delivery = await this.next();
    delivery.settle(verdict);
    return delivery;
  }

  /** The next job the engine gave up by itself. */
  nextDead(): Promise<{ id: string; error: ErrorSummary }> {
    return this.#dead.next();
  }

  /** The next error that the consumer tells of. */
  erred(): Promise<Error> {
    return this.#erred.next();
  }

  /** Deliveries that arrived and were not taken. */
  get untaken(): readonly string[] {
    return this.#arrived.buffered.map(({ id }) => id);
  }

  #hold(delivery: Delivery): Promise<Verdict> {
    const { promise, resolve } = Promise.withResolvers<Verdict>();
    this.#arrived.push({ ...delivery, id: delivery.message.id, at: Date.now(), settle: resolve });
    return promise;
  }
}

/** Values that arrive whenever they like, taken one by one. */
class Stream<T> {
  readonly buffered: T[] = [];
  readonly #waiting: ((value: T) => void)[] = [];

  push(value: T): void {
    const waiting = this.#waiting.shift();
    if (waiting) waiting(value);
    else this.buffered.push(value);
  }

  next(): Promise<T> {
    if (this.buffered.length > 0) return Promise.resolve(this.buffered.shift()!);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }
}
