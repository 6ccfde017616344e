import { setTimeout as delay } from "node:timers/promises";
import type { JobView } from "../../../src/client/client.ts";
import type { DemoWorker } from "../cluster.ts";

/** A worker that was killed, and what it held. */
export interface Killed {
  readonly worker: string;
  readonly pid: number;
  /** Jobs that the ledger showed as running in it when it died. */
  readonly held: readonly string[];
  /** Jobs of the batch that were done by then. */
  readonly doneBefore: number;
  readonly at: number;
}

/** Far enough into the batch that it is in full swing, and far enough from its end. */
const doneAtLeast = 15;
const lookEveryMs = 4;
/** An answer that Postgres was just giving when the worker was frozen has arrived by then. */
const settledWithinMs = 60;

/**
 * Kill one worker process with SIGKILL in the middle of a batch, while it holds jobs. It is frozen first (SIGSTOP), so that
 * what it holds cannot change between the look and the blow; if it holds nothing it goes on, and we look again.
 * `after`: the batch's jobs have ids above this one. `done`: how many of them are known to have ended; the workers' logs
 * know of their own sooner, but not of other workers'. `find`: a job of ours. Resolves with `null` when `signal` aborts
 * before.
 */
export async function killMidBatch(options: {
  workers: readonly DemoWorker[];
  find: (id: string) => Promise<JobView | null>;
  after: string;
  done: () => number;
  signal: AbortSignal;
}): Promise<Killed | null> {
  const { workers, find, after, signal } = options;
  while (!signal.aborted) {
    for (const { log } of workers) log.read();
    const own = workers.flatMap(({ log }) => [...log.completed]).filter((id) => id > after).length;
    const done = Math.max(own, options.done());
    const victim = workers.toSorted((a, b) => b.log.held.size - a.log.held.size)[0]!;
    if (done >= doneAtLeast && victim.log.held.size > 0) {
      const killed = await freezeAndKill(victim, find);
      if (killed) return { ...killed, doneBefore: done };
    }
    await delay(lookEveryMs);
  }
  return null;
}

async function freezeAndKill(
  worker: DemoWorker,
  find: (id: string) => Promise<JobView | null>,
): Promise<Omit<Killed, "doneBefore"> | null> {
  const { pid } = worker.process;
  if (pid === undefined) return null;
  const thaw = () => process.kill(pid, "SIGCONT");
  let killed = false;
  process.kill(pid, "SIGSTOP");
  process.once("exit", thaw); // a frozen process cannot notice that we are gone
  try {
    await delay(settledWithinMs);
    worker.log.read();
    const views = await Promise.all([...worker.log.held].map(find)); // not all are ours
    const held = views.filter((view) => view?.state === "running").map((view) => view!.id);
    if (held.length === 0) return null;
    killed = process.kill(pid, "SIGKILL");
    return { worker: worker.name, pid, held, at: Date.now() };
  } finally {
    process.off("exit", thaw);
    if (!killed) thaw();
  }
}
