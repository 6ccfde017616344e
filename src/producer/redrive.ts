import type { Catalog } from "#core/catalog.ts";
import { NightshiftError, StoreUnavailable } from "#core/errors.ts";
import type { QueueDefinition } from "#core/queue.ts";
import type { Engine } from "../engines/engine.ts";
import type { JobReader } from "../ledger/job-reader.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { Dispatcher } from "./dispatcher.ts";
import { toMessage } from "./message.ts";

/** No job of that id, or none that this tenant may see. */
export class JobNotFound extends NightshiftError {
  readonly code = "job_not_found";

  constructor(id: string) {
    super(
      `Expected the id of a job that is kept, found none for "${id}". Ended jobs leave after their queue's retention.`,
    );
  }
}

/** Only a dead letter can be put back. */
export class JobNotDead extends NightshiftError {
  readonly code = "job_not_dead";

  constructor(state: string) {
    super(`Expected a dead job, found one that is ${state}`, { state });
  }
}

/** A dead letter of a queue that this release no longer has: nothing would ever run it. */
export class QueueGone extends NightshiftError {
  readonly code = "queue_gone";

  constructor(queue: string) {
    super(`Expected a queue of the catalog, found "${queue}", which this release does not have`, { queue });
  }
}

/** Puts dead letters back to work: new attempts, same id, due now. */
export class Redrive {
  readonly #catalog: Catalog;
  readonly #reader: JobReader;
  readonly #ledger: Ledger;
  readonly #dispatcher: Dispatcher;
  readonly #engineOf: (queue: QueueDefinition) => Engine;

  constructor(options: {
    catalog: Catalog;
    reader: JobReader;
    ledger: Ledger;
    dispatcher: Dispatcher;
    engineOf: (queue: QueueDefinition) => Engine;
  }) {
    this.#catalog = options.catalog;
    this.#reader = options.reader;
    this.#ledger = options.ledger;
    this.#dispatcher = options.dispatcher;
    this.#engineOf = options.engineOf;
  }

  /**
   * Redrive one job of `tenant` (`null`: of any). Rejects with JobNotFound, JobNotDead, UnknownJob, QueueGone,
   * KeyTaken or StoreUnavailable. The engine forgets its dead entry first: while it holds one, it ignores the same id, and the job
   * would be open for ever. Safe to repeat: of two at the same time one finds the job no longer dead.
   */
  async redrive(tenant: string | null, id: string): Promise<void> {
    const view = await this.#reader.find(tenant, id);
    if (!view) throw new JobNotFound(id);
    if (view.state !== "dead") throw new JobNotDead(view.state);
    this.#catalog.get(view.job);
    const queue = this.#catalog.queues.find(({ name }) => name === view.queue);
    if (!queue) throw new QueueGone(view.queue);
    const engine = this.#engineOf(queue);
    await engine.forget(queue, id).catch((error: unknown) => {
      throw new StoreUnavailable(engine.kind, error);
    });
    const due = await this.#ledger.redrive(tenant, id);
    if (!due) throw new JobNotDead("being redriven by somebody else");
    this.#dispatcher.send(queue, toMessage(due));
  }
}
