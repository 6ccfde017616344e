import { JobNotFound, NightshiftError } from "#core/errors.ts";
import type { QueueDefinition } from "#core/queue.ts";
import type { Engine } from "../engines/engine.ts";
import type { Family } from "../ledger/family.ts";
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

const removedAtOnce = 50; // a family may be large; the engine answers others meanwhile

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
  readonly #family: Family;
  readonly #lookup: JobLookup;
  readonly #queues: ReadonlyMap<string, QueueDefinition>;
  readonly #engineOf: (queue: QueueDefinition) => Engine;

  constructor(options: {
    ledger: Ledger;
    family: Family;
    lookup: JobLookup;
    queues: readonly QueueDefinition[];
    engineOf: (queue: QueueDefinition) => Engine;
  }) {
    this.#ledger = options.ledger;
    this.#family = options.family;
    this.#lookup = options.lookup;
    this.#queues = new Map(options.queues.map((queue) => [queue.name, queue]));
    this.#engineOf = options.engineOf;
  }

  /**
   * Cancel a waiting job of `tenant` (`null`: of any) at once, or ask a running one to stop. Rejects with JobNotFound,
   * JobAlreadyEnded (also the second time), JobIsRunning, or StoreUnavailable. `children`: its descendants too; then it has
   * ended already only when all of them have.
   */
  async cancel(tenant: string | null, id: string, options: { children?: boolean } = {}): Promise<Cancelled> {
    const recorded = options.children ? this.#familyInLedger(tenant, id) : this.#inLedger(tenant, id);
    const cancelled = (await recorded) ?? (await this.#inEngine(tenant, id));
    if (!cancelled) throw new JobNotFound(id);
    return cancelled;
  }

  /** `null`: the ledger does not know the job. */
  async #inLedger(tenant: string | null, id: string): Promise<Cancelled | null> {
    const change = await this.#ledger.cancel(tenant, id);
    if (!change) return null;
    if (isTerminal(change.before)) throw new JobAlreadyEnded(change.before);
    const asked = change.after === "running";
    if (!asked) await this.#leaveEngine(change.queue, id);
    const found = await this.#lookup.find(tenant, id);
    return found && { asked, view: found.view };
  }

  async #familyInLedger(tenant: string | null, id: string): Promise<Cancelled | null> {
    const members = await this.#family.cancel(tenant, id);
    const [root] = members;
    if (!root) return null;
    if (members.every(({ before }) => isTerminal(before))) throw new JobAlreadyEnded(root.before);
    const waited = members.filter(({ before, after }) => after === "cancelled" && !isTerminal(before));
    for (let from = 0; from < waited.length; from += removedAtOnce)
      await Promise.all(waited.slice(from, from + removedAtOnce).map((one) => this.#leaveEngine(one.queue, one.id)));
    const found = await this.#lookup.find(tenant, id);
    return found && { asked: members.some(({ after }) => after === "running"), view: found.view };
  }

  /** Best effort: the ledger refuses whatever the engine still hands out. */
  async #leaveEngine(name: string, id: string): Promise<void> {
    const queue = this.#queues.get(name);
    if (queue)
      await this.#engineOf(queue)
        .remove(queue, id)
        .catch(() => false);
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
