import type { Log } from "#core/handler.ts";
import type { QueueDefinition } from "#core/queue.ts";
import type { Engine, Message } from "../engines/engine.ts";
import type { Ledger } from "../ledger/ledger.ts";

/** More than this many jobs on their way to the engines: the rest is left to the relay, so that memory stays bounded. */
const maxOnTheWay = 20_000;

/**
 * The fast path: right after the accepting commit, the same process hands the job to its engine. It promises nothing: a
 * job it loses (crash, outage, a full Redis, overflow) is still `accepted` in the ledger, and the relay takes it.
 */
export class Dispatcher {
  readonly #engineOf: (queue: QueueDefinition) => Engine;
  readonly #ledger: Ledger;
  readonly #log: Log;
  readonly #waiting = new Map<QueueDefinition, Message[]>();
  readonly #sending = new Set<Promise<void>>();
  #onTheWay = 0;
  #turn: NodeJS.Immediate | null = null;

  constructor(options: { engineOf: (queue: QueueDefinition) => Engine; ledger: Ledger; log: Log }) {
    this.#engineOf = options.engineOf;
    this.#ledger = options.ledger;
    this.#log = options.log;
  }

  /** Send a committed job on, together with all others of this turn of the event loop. */
  send(queue: QueueDefinition, message: Message): void {
    if (this.#onTheWay >= maxOnTheWay || !this.#engineOf(queue).open) return;
    this.#onTheWay += 1;
    const waiting = this.#waiting.get(queue);
    if (waiting) waiting.push(message);
    else this.#waiting.set(queue, [message]);
    this.#turn ??= setImmediate(() => this.#flush());
  }

  /** Resolves when all that was sent has reached its engine or was given up. */
  async stop(): Promise<void> {
    if (this.#turn) this.#flush();
    await Promise.all(this.#sending);
  }

  #flush(): void {
    if (this.#turn) clearImmediate(this.#turn);
    this.#turn = null;
    for (const [queue, messages] of this.#waiting) {
      const sending = this.#deliver(queue, messages).finally(() => {
        this.#onTheWay -= messages.length;
        this.#sending.delete(sending);
      });
      this.#sending.add(sending);
    }
    this.#waiting.clear();
  }

  async #deliver(queue: QueueDefinition, messages: readonly Message[]): Promise<void> {
    try {
      const results = await this.#engineOf(queue).dispatch(queue, messages);
      const marks = results.map((result, index) =>
        result.ok ? this.#ledger.markQueued(messages[index]!.id) : Promise.reject(result.error),
      );
      const failed = (await Promise.allSettled(marks)).filter((mark) => mark.status === "rejected");
      if (failed.length > 0) throw failed[0]!.reason;
    } catch (error) {
      this.#log.warn(
        { queue: queue.name, jobs: messages.length, error: (error as Error).message },
        "dispatch.left_to_relay",
      );
    }
  }
}
