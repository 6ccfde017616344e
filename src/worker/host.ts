import type { Catalog } from "#core/catalog.ts";
import type { Clock } from "#core/clock.ts";
import { NightshiftError } from "#core/errors.ts";
import type { Log } from "#core/handler.ts";
import { canRead } from "#core/job.ts";
import type { QueueDefinition } from "#core/queue.ts";
import type { Services } from "#core/services.ts";
import type { Engine } from "../engines/engine.ts";
import type { Incidents } from "../ledger/incidents.ts";
import type { JobReader } from "../ledger/job-reader.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { Listener } from "../ledger/listener.ts";
import type { Steps } from "../ledger/steps.ts";
import type { Producer } from "../producer/producer.ts";
import { Abandonments } from "./abandonments.ts";
import type { AbandonedHandler, AttemptEnd } from "./attempt.ts";
import { DrainOverran } from "./drain-overran.ts";
import { WorkerPool } from "./pool.ts";
import { Watchdog } from "./watchdog.ts";

/** Jobs wait whose payloads this release cannot read. Start the release that can, or add the upgrades it had. */
export class UnreadablePayloads extends NightshiftError {
  readonly code = "unreadable_payloads";

  constructor(unreadable: readonly { job: string; version: number; count: number }[]) {
    const list = unreadable.map(({ job, version, count }) => `${job} version ${version} (${count} open)`).join(", ");
    super(`Expected to be able to read every waiting payload, found ${list}`, { unreadable });
  }
}

/** A worker process: one pool for each queue it serves. */
export class WorkerHost {
  readonly pools: readonly WorkerPool[];
  readonly watchdog: Watchdog;
  readonly #catalog: Catalog;
  readonly #ledger: Ledger;
  readonly #listener: Listener;
  readonly #reader: JobReader;
  readonly #log: Log;
  #unhear: (() => void)[] = [];

  constructor(options: {
    catalog: Catalog;
    queues: readonly QueueDefinition[];
    engineOf: (queue: QueueDefinition) => Engine;
    ledger: Ledger;
    listener: Listener;
    services: Services;
    producer: Producer;
    steps: Steps;
    reader: JobReader;
    clock: Clock;
    log: Log;
    incidents: Incidents;
    onEnd?: (end: AttemptEnd) => void;
    onAbandoned?: (abandoned: AbandonedHandler) => void;
    onRebuilt?: (queue: string) => void;
    /** After how much silence a pool is rebuilt. */
    silenceMs?: number;
    /** How long a handler may ignore its signal. */
    abandonAfterMs?: number;
  }) {
    this.#catalog = options.catalog;
    this.#ledger = options.ledger;
    this.#listener = options.listener;
    this.#reader = options.reader;
    this.#log = options.log;
    const abandonments = new Abandonments(options);
    const onAbandoned = (abandoned: AbandonedHandler) => {
      abandonments.add(abandoned);
      options.onAbandoned?.(abandoned);
    };
    this.pools = options.queues.map(
      (queue) =>
        new WorkerPool({
          ...options,
          queue,
          engine: options.engineOf(queue),
          onEnd: options.onEnd ?? (() => undefined),
          onAbandoned,
        }),
    );
    this.watchdog = new Watchdog({ ...options, pools: this.pools });
  }

  /**
   * Rejects with InvalidCatalog when a handler of a served queue does not load, and with UnreadablePayloads when jobs wait
   * that this release cannot read: better now than at the first job.
   */
  async start(): Promise<void> {
    const queues = this.pools.map((pool) => pool.queue);
    await this.#catalog.loadHandlers(queues);
    await this.#refuseUnreadable(queues);
    await this.#listener.start();
    this.#unhear = [
      this.#listener.on("cancel", (id) => this.#cancel(id)),
      this.#listener.onGap(() => this.#cancelMissed()),
    ];
    await Promise.all(this.pools.map((pool) => pool.start()));
    this.watchdog.start();
    this.#log.info({ queues: this.pools.map((pool) => pool.queue.name) }, "worker.started");
  }

  /** Rejects with DrainOverran when something was left to its lease; by then it has stopped all the same. */
  async stop(deadlineMs: number): Promise<void> {
    const watched = this.watchdog.stop();
    const settled = await Promise.all(this.pools.map((pool) => pool.stop(deadlineMs)));
    await watched;
    for (const unhear of this.#unhear) unhear();
    this.#unhear = [];
    const left = this.pools.filter((_, index) => !settled[index]).map((pool) => pool.queue.name);
    if (left.length > 0) throw new DrainOverran(left);
  }

  /** A queue that holds payloads of a version we cannot read is served by another release, or not at all. */
  async #refuseUnreadable(queues: readonly QueueDefinition[]): Promise<void> {
    const waiting = await this.#reader.openVersions(queues.map((queue) => queue.name));
    const unreadable = waiting.filter(({ job: name, version }) => {
      const job = this.#catalog.jobs.find((candidate) => candidate.name === name);
      return job !== undefined && !canRead(job, version);
    });
    if (unreadable.length > 0) throw new UnreadablePayloads(unreadable);
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
