import type { QueueDefinition } from "#core/queue.ts";
import type { EngineCounts } from "../engines/engine.ts";
import type { QueueDepth } from "../ledger/job-reader.ts";
import { type JobState, openStates } from "../ledger/job-state.ts";

export type OpenState = (typeof openStates)[number];

/** How much of a queue is open, by state, and how long its oldest ready job has been due. */
export interface Depth {
  readonly queue: string;
  readonly counts: Readonly<Record<OpenState, number>>;
  readonly oldestWaitingMs: number;
}

/** Ready or about to be: everything open that no worker holds. A job that is not due yet has an age of 0. */
const waitingStates: ReadonlySet<JobState> = new Set(["scheduled", "accepted", "queued", "retrying"]);

/**
 * One truth from two records. The ledger knows every job of a ledger-durable queue. Of a redis-durable queue it knows
 * only those that wait in Postgres (`scheduled`, `accepted`); what the engine holds is counted by the engine, so that a
 * job is never counted twice. One whose engine did not answer is left out: half a count would be a lie.
 */
export function combineDepths(
  queues: readonly QueueDefinition[],
  ledger: readonly QueueDepth[],
  engines: ReadonlyMap<string, EngineCounts>,
): Depth[] {
  const known = queues.filter((queue) => queue.durability === "ledger" || engines.has(queue.name));
  return known.map((queue) => {
    const engine = queue.durability === "redis" ? engines.get(queue.name) : undefined;
    const rows = ledger.filter((row) => row.queue === queue.name);
    const told = (state: OpenState) => rows.find((row) => row.state === state)?.count ?? 0;
    const counts = Object.fromEntries(openStates.map((state) => [state, told(state)])) as Record<OpenState, number>;
    if (engine) Object.assign(counts, { queued: engine.waiting, running: engine.active, retrying: engine.delayed });
    const ages = rows.filter((row) => waitingStates.has(row.state)).map((row) => row.oldestMs);
    return { queue: queue.name, counts, oldestWaitingMs: Math.max(0, engine?.oldestWaitingMs ?? 0, ...ages) };
  });
}
