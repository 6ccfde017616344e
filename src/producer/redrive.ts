import type { Catalog } from "#core/catalog.ts";
import { JobNotFound, NightshiftError } from "#core/errors.ts";
import type { QueueDefinition } from "#core/queue.ts";
import type { Engine } from "../engines/engine.ts";
import type { Ledger } from "../ledger/ledger.ts";
import { askEngine } from "./ask-engine.ts";
import type { Dispatcher } from "./dispatcher.ts";
import type { JobLookup } from "./job-lookup.ts";
import { dueMessage } from "./message.ts";

/** Only a dead letter can be put back. */
export class JobNotDead extends NightshiftError {
  readonly code = "job_not_dead";

  constructor(state: string) {
    super(`Expected a dead job, found one that is ${state}`, { state });
  }
}

/** Dead, but one of its two records does not say so yet: ask again in a moment. */
export class JobSettling extends NightshiftError {
  readonly code = "job_settling";

  constructor() {
    super(
      "Expected a job that was put away, found one whose last attempt is just being settled: try again in a moment",
    );
  }
}

/** A dead letter of a queue that this release no longer has: nothing would ever run it. */
export class QueueGone extends NightshiftError {
  readonly code = "queue_gone";

  constructor(queue: string) {
    super(`Expected a queue of the catalog, found "${queue}", which this release does not have`, { queue });
  }
}

/** Puts dead letters back to work, for the API and the dashboard alike: new attempts, same id, due now. */
export class Redrive {
  readonly #catalog: Catalog;
  readonly #lookup: JobLookup;
  readonly #ledger: Ledger;
  readonly #dispatcher: Dispatcher;
  readonly #engineOf: (queue: QueueDefinition) => Engine;

  constructor(options: {
    catalog: Catalog;
    lookup: JobLookup;
    ledger: Ledger;
    dispatcher: Dispatcher;
    engineOf: (queue: QueueDefinition) => Engine;
  }) {
    this.#catalog = options.catalog;
    this.#lookup = options.lookup;
    this.#ledger = options.ledger;
    this.#dispatcher = options.dispatcher;
    this.#engineOf = options.engineOf;
  }

  /**
   * Redrive one job of `tenant` (`null`: of any). Rejects with JobNotFound, JobNotDead, JobSettling, UnknownJob, QueueGone,
   * KeyTaken or StoreUnavailable. Safe to repeat: of two at the same time one finds the job no longer dead.
   */
  async redrive(tenant: string | null, id: string): Promise<void> {
    const found = await this.#lookup.find(tenant, id);
    if (!found) throw new JobNotFound(id);
    const { view, engineQueue } = found;
    if (view.state !== "dead") throw new JobNotDead(view.state);
    this.#catalog.get(view.job);
    const queue = this.#catalog.queues.find(({ name }) => name === view.queue);
    if (!queue) throw new QueueGone(view.queue);
    if (engineQueue || !(await this.#leavesEngine(queue, id))) throw new JobSettling();
    const due = await this.#ledger.redrive(tenant, id);
    if (!due) throw new JobNotDead("being redriven by somebody else");
    this.#dispatcher.send(queue, dueMessage(due));
  }

  /**
   * Have the engine forget the dead entry. While it holds one it ignores the same id, whatever becomes of the one it
   * holds: the new attempts would never run. `false`: it still does, because a worker has not told it the end.
   */
  #leavesEngine(queue: QueueDefinition, id: string): Promise<boolean> {
    return askEngine(
      this.#engineOf(queue),
      async (engine) => (await engine.forget(queue, id)) || (await engine.find(queue, id)) === null,
    );
  }
}
