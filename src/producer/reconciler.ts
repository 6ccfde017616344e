import type { Log } from "#core/handler.ts";
import type { QueueDefinition } from "#core/queue.ts";
import type { QueueReconciliation, Reconciler, Reconciliation } from "#core/services.ts";
import type { Engine } from "../engines/engine.ts";
import type { Books } from "../ledger/books.ts";
import type { Incidents } from "../ledger/incidents.ts";
import { isTerminal } from "../ledger/job-state.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { OpenJob, Recovery } from "../ledger/recovery.ts";
import { compare, type Remedy } from "./comparison.ts";
import type { QueueSettings } from "./queue-settings.ts";

type Repairs = Pick<QueueReconciliation, "checked" | "sentAgain" | "attemptsLost" | "buried" | "removed">;
type Balance = Omit<QueueReconciliation, keyof Repairs | "queue" | "reached">;

const noBalance: Balance = { accepted: 0, completed: 0, dead: 0, cancelled: 0, expired: 0, open: 0, missing: 0 };

/** For an entry that the engine gave up without keeping why. */
const givenUp = { code: "stalled", message: "The engine gave the job up, and nobody heard of it" };

/**
 * Compares ledger and engines, page by page, and mends what differs: the ledger is right, except that only an engine knows
 * what it holds. Every repair is a compare-and-set on the row's revision, so that passes may overlap with each other and
 * with all that goes on meanwhile; a job that moved since it was looked at is left to the next pass.
 */
export class EngineReconciler implements Reconciler {
  readonly #options: {
    readonly queues: readonly QueueDefinition[];
    readonly engineOf: (queue: QueueDefinition) => Engine;
    readonly ledger: Ledger;
    readonly recovery: Recovery;
    readonly books: Books;
    readonly incidents: Incidents;
    readonly settings: QueueSettings;
    readonly log: Log;
  };

  constructor(options: {
    queues: readonly QueueDefinition[];
    engineOf: (queue: QueueDefinition) => Engine;
    ledger: Ledger;
    recovery: Recovery;
    books: Books;
    incidents: Incidents;
    settings: QueueSettings;
    log: Log;
  }) {
    this.#options = options;
  }

  async reconcile(signal: AbortSignal): Promise<Reconciliation> {
    const { queues, settings, books } = this.#options;
    const settingsApplied = await settings.apply();
    const repaired = new Map<QueueDefinition, Repairs | null>();
    for (const queue of queues) repaired.set(queue, await this.repair(queue, signal));
    await books.fold();
    const balances = await this.#balance();
    return {
      settingsApplied,
      queues: queues.map((queue) => ({
        queue: queue.name,
        reached: repaired.get(queue) !== null,
        ...(repaired.get(queue) ?? { checked: 0, sentAgain: 0, attemptsLost: 0, buried: 0, removed: 0 }),
        ...(balances.get(queue.name) ?? noBalance),
      })),
    };
  }

  /** One queue, without the books. `null`: its engine does not answer. */
  async repair(queue: QueueDefinition, signal: AbortSignal): Promise<Repairs | null> {
    const { log } = this.#options;
    try {
      const rows = await this.#repairRows(queue, signal);
      const repairs = { ...rows, removed: await this.#removeEntries(queue, signal) };
      const { checked: _checked, ...mended } = repairs;
      if (Object.values(mended).some((count) => count > 0))
        log.warn({ queue: queue.name, ...repairs }, "reconcile.mended");
      return repairs;
    } catch (error) {
      signal.throwIfAborted();
      log.warn({ queue: queue.name, error: (error as Error).message }, "reconcile.not_reached");
      return null;
    }
  }

  async #repairRows(queue: QueueDefinition, signal: AbortSignal): Promise<Omit<Repairs, "removed">> {
    const { recovery, ledger } = this.#options;
    const engine = this.#options.engineOf(queue);
    const done = { checked: 0, sentAgain: 0, attemptsLost: 0, buried: 0 };
    for (let after: string | null = null, more = true; more; ) {
      signal.throwIfAborted();
      const page = await recovery.openIn(queue.name, after);
      const held = await engine.holds(queue, idsOf(page.jobs.filter(({ relayed }) => !relayed)));
      const remedies = Map.groupBy(page.jobs, (job): Remedy => compare(job, held.get(job.id)));
      for (const { id } of remedies.get("clear-and-send") ?? []) await engine.forget(queue, id);
      const lost = [...(remedies.get("send-again") ?? []), ...(remedies.get("clear-and-send") ?? [])];
      const sent = new Set(await recovery.sendAgain(lost));
      for (const job of lost.filter(({ id }) => sent.has(id)))
        done[job.state === "running" ? "attemptsLost" : "sentAgain"] += 1;
      for (const { id, revision } of remedies.get("bury") ?? []) {
        const error = (await engine.find(queue, id))?.error ?? givenUp;
        if (await ledger.bury(id, error, revision)) done.buried += 1;
      }
      done.checked += page.jobs.length;
      after = page.next;
      more = after !== null;
    }
    return done;
  }

  /** The engine is read before the ledger: a row that opens in between is open when it is looked at. */
  async #removeEntries(queue: QueueDefinition, signal: AbortSignal): Promise<number> {
    const engine = this.#options.engineOf(queue);
    let removed = 0;
    for (let cursor: string | null = null, more = true; more; ) {
      signal.throwIfAborted();
      const page = await engine.waiting(queue, cursor);
      const states = await this.#options.recovery.statesOf(page.ids);
      for (const id of page.ids) {
        const state = states.get(id);
        const unwanted = state === undefined ? queue.durability === "ledger" : isTerminal(state);
        if (unwanted && (await engine.remove(queue, id))) removed += 1;
      }
      cursor = page.next;
      more = cursor !== null;
    }
    return removed;
  }

  /** Add the books up by queue, and tell of every one that does not balance. */
  async #balance(): Promise<ReadonlyMap<string, Balance>> {
    const { books, incidents } = this.#options;
    const sums = new Map<string, Balance>();
    for (const [queue, lines] of Map.groupBy(await books.read(), (line) => line.queue)) {
      const sum = (field: keyof Balance) => lines.reduce((total, line) => total + line[field], 0);
      const balance = Object.fromEntries(
        (Object.keys(noBalance) as (keyof Balance)[]).map((field) => [field, sum(field)]),
      ) as unknown as Balance;
      sums.set(queue, balance);
      const wrong = lines.filter(({ missing }) => missing !== 0); // of two tenants, one may miss what another has too many
      const tenants = Object.fromEntries(wrong.slice(0, 20).map(({ tenant, missing }) => [tenant, missing]));
      if (wrong.length > 0) await incidents.open("jobs_unaccounted", `queue/${queue}`, { ...balance, tenants });
      else await incidents.close("jobs_unaccounted", `queue/${queue}`);
    }
    return sums;
  }
}

function idsOf(jobs: readonly OpenJob[]): string[] {
  return jobs.map(({ id }) => id);
}
