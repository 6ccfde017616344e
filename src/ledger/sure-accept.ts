import { setTimeout as delay } from "node:timers/promises";
import { StoreUnavailable } from "#core/errors.ts";
import type { Accepted, NewJob } from "./acceptance.ts";
import { mayHaveCommitted } from "./database.ts";

const pauseMs = 100;

/**
 * Accept jobs over a connection that may break while it commits. Then nobody knows whether the jobs are recorded, and a
 * 503 would hide accepted work: so it is looked up by id, and what is not there is accepted again under the same id,
 * until Postgres answers or `patienceMs` have passed since the first failure. A failure that cannot have committed is
 * passed on at once.
 */
export async function acceptSurely(
  jobs: readonly NewJob[],
  options: {
    readonly accept: (jobs: readonly NewJob[]) => Promise<Accepted[]>;
    /** Those of these jobs that are recorded under their own id. */
    readonly recorded: (jobs: readonly NewJob[]) => Promise<ReadonlyMap<string, Accepted>>;
    readonly patienceMs: number;
  },
): Promise<Accepted[]> {
  let until: number | null = null; // set by the first failure that may hide a commit
  for (;;) {
    try {
      const known = new Map(until === null ? [] : await options.recorded(jobs));
      const rest = jobs.filter((job) => !known.has(job.id));
      const accepted = rest.length > 0 ? await options.accept(rest) : [];
      for (const [index, job] of rest.entries()) known.set(job.id, accepted[index]!);
      return jobs.map((job) => known.get(job.id)!);
    } catch (error) {
      if (until === null && (mayHaveCommitted(error) || mayBeHalfDone(jobs, error)))
        until = performance.now() + options.patienceMs;
      // Twice the same id: the first try was still on its way when we looked.
      const again = error instanceof StoreUnavailable || (error as { code?: unknown }).code === "23505";
      if (until === null || !again || performance.now() > until) throw error;
      await delay(pauseMs);
    }
  }
}

/** Jobs that meet a duplicate take a second statement: when that one fails, the others of the group are recorded already. */
function mayBeHalfDone(jobs: readonly NewJob[], error: unknown): boolean {
  return error instanceof StoreUnavailable && jobs.length > 1 && jobs.some((job) => job.deduplicationKey !== undefined);
}
