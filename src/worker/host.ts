import type { Catalog } from "#core/catalog.ts";
import type { Clock } from "#core/clock.ts";
import type { Log } from "#core/handler.ts";
import type { QueueDefinition } from "#core/queue.ts";
import type { Services } from "#core/services.ts";
import type { Engine } from "../engines/engine.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { Listener } from "../ledger/listener.ts";
import type { AttemptEnd } from "./attempt.ts";
import { WorkerPool } from "./pool.ts";

/** A worker process: one pool for each queue it serves. */
export class WorkerHost {
  readonly pools: readonly WorkerPool[];
  readonly #catalog: Catalog;
  readonly #ledger: Ledger;
  readonly #listener: Listener;
  readonly #log: Log;
  #unhear: (() => void)[] = [];

  constructor(options: {
    catalog: Catalog;
    queues: readonly QueueDefinition[];
    engineOf: (queue: QueueDefinition) => Engine;
    ledger: Ledger;
    listener: Listener;
    services: Services;
    clock: Clock;
    log: Log;
    onEnd?: (end: AttemptEnd) => void;
  }) {
    this.#catalog = options.catalog;
    this.#ledger = options.ledger;
    this.#listener = options.listener;
    this.#log = options.log;
    this.pools = options.queues.map(
      (queue) =>
        new WorkerPool({
          ...options,
          queue,
          engine: options.engineOf(queue),
          onEnd: options.onEnd ?? (() => undefined),
        }),
    );
  }

  /** Rejects with InvalidCatalog when a handler of a served queue does not load: better now than at its first job. */
  async start(): Promise<void> {
    await this.#catalog.loadHandlers(this.pools.map((pool) => pool.queue));
    await this.#listener.start();
    this.#unhear = [
      this.#listener.on("cancel", (id) => this.#cancel(id)),
      this.#listener.onGap(() => this.#cancelMissed()),
    ];
    await Promise.all(this.pools.map((pool) => pool.start()));
    this.#log.info({ queues: this.pools.map((pool) => pool.queue.name) }, "worker.started");
  }

  async stop(deadlineMs: number): Promise<void> {
    await Promise.all(this.pools.map((pool) => pool.stop(deadlineMs)));
    for (const unhear of this.#unhear) unhear();
    this.#unhear = [];
  }

  #cancel(id: string): void {
    for (const pool of this.pools) pool.cancel(id);
  }

  /** After a lost connection: notifications in between were not heard. */
  #cancelMissed(): void {
    const running = this.pools.flatMap((pool) => pool.runningIds());
    if (running.length === 0) return;
    this.#ledger.cancelRequested(running).then(
      (ids) => {
        for (const id of ids) this.#cancel(id);
      },
      (error: Error) => this.#log.warn({ error: error.message }, "cancel.check_failed"),
    );
  }
}
