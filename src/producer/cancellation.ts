import { JobNotFound, NightshiftError } from "#core/errors.ts";
import type { QueueDefinition } from "#core/queue.ts";
import type { Engine } from "../engines/engine.ts";
import type { JobView } from "../ledger/job-reader.ts";
import { isTerminal } from "../ledger/job-state.ts";
import type { Ledger } from "../ledger/ledger.ts";
import { askEngine } from "./ask-engine.ts";
import type { JobLookup } from "./job-lookup.ts";

/** Too late: what has ended stays as it is. */
export class JobAlreadyEnded extends NightshiftError {
  readonly code = "job_already_ended";

  constructor(state: string) {
    super(`Expected an open job, found one that is ${state}`, { state });
  }
}

/** It runs where nobody can stop it: Redis is its only record, and a worker's cancel is told by the ledger. */
export class JobIsRunning extends NightshiftError {
  readonly code = "job_is_running";

  constructor() {
    super("Expected a waiting job; one that runs on this queue cannot be stopped");
  }
}

/** What a cancel came to. `asked`: it runs, and its handler's signal aborts; work that ends in the same moment stays done. */
export interface Cancelled {
  readonly asked: boolean;
  readonly view: JobView;
}

/**
 * Cancels jobs, for the API and the dashboard alike. The ledger decides, the engine follows: an entry that a crash or an
 * outage leaves in the engine is refused by the ledger when a worker claims it.
 */
export class Cancellation {
  readonly #ledger: Ledger;
  readonly #lookup: JobLookup;
  readonly #queues: ReadonlyMap<string, QueueDefinition>;
  readonly #engineOf: (queue: QueueDefinition) => Engine;

  constructor(options: {
    ledger: Ledger;
    lookup: JobLookup;
    queues: readonly QueueDefinition[];
    engineOf: (queue: QueueDefinition) => Engine;
  }) {
    this.#ledger = options.ledger;
    this.#lookup = options.lookup;
    this.#queues = new Map(options.queues.map((queue) => [queue.name, queue]));
    this.#engineOf = options.engineOf;
  }

  /**
   * Cancel a waiting job of `tenant` (`null`: of any) at once, or ask a running one to stop. Rejects with JobNotFound,
   * JobAlreadyEnded (also the second time), JobIsRunning, or StoreUnavailable.
   */
  async cancel(tenant: string | null, id: string): Promise<Cancelled> {
    const cancelled = (await this.#inLedger(tenant, id)) ?? (await this.#inEngine(tenant, id));
    if (!cancelled) throw new JobNotFound(id);
    return cancelled;
  }

  /** `null`: the ledger does not know the job. */
  async #inLedger(tenant: string | null, id: string): Promise<Cancelled | null> {
    const change = await this.#ledger.cancel(tenant, id);
    if (!change) return null;
    if (isTerminal(change.before)) throw new JobAlreadyEnded(change.before);
    const asked = change.after === "running";
    const queue = this.#queues.get(change.queue);
    if (queue && !asked)
      await this.#engineOf(queue)
        .remove(queue, id)
        .catch(() => false);
    const found = await this.#lookup.find(tenant, id);
    return found && { asked, view: found.view };
  }

  /** A living job of a redis-durable queue waits in its engine and nowhere else. */
  async #inEngine(tenant: string | null, id: string): Promise<Cancelled | null> {
    const found = await this.#lookup.find(tenant, id);
    if (!found) return null;
    const { view, engineQueue: queue } = found;
    if (!queue) return this.#inLedger(tenant, id); // it was recorded this very moment
    if (isTerminal(view.state)) throw new JobAlreadyEnded(view.state);
    if (!(await askEngine(this.#engineOf(queue), (engine) => engine.remove(queue, id)))) throw new JobIsRunning();
    return { asked: false, view: { ...view, state: "cancelled", finishedAt: new Date().toISOString() } };
  }
}
