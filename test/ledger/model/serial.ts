import { isDeepStrictEqual } from "node:util";
import { canExpire, end, type Job, type Model, put, relayed } from "./job.ts";
import { apply } from "./machine.ts";
import type { Operation } from "./operation.ts";
import type { Seen } from "./seen.ts";

/** An operation that was fired together with others, and what it was told. */
export interface Told {
  readonly operation: Operation;
  readonly answer: unknown;
}

/**
 * Whether some order of these operations, one after the other, gives each of them its answer and ends in `rows`. Resolves
 * with how many orders were looked at when there is none.
 */
export function hasSerialOrder(model: Model, told: readonly Told[], rows: ReadonlyMap<string, Seen>): boolean {
  if (told.length === 0) return isSame(model, rows);
  return told.some(({ operation, answer }, place) =>
    outcomes(model, operation, answer).some((next) => hasSerialOrder(next, told.toSpliced(place, 1), rows)),
  );
}

/** What may be true after an operation that was answered so. None: it cannot be answered so here. */
function outcomes(model: Model, operation: Operation, answer: unknown): Model[] {
  const { model: after, answer: expected } = apply(model, operation);
  switch (operation.kind) {
    // Rows that somebody else has locked are skipped: what was not answered was not touched.
    case "mark":
      return [after, model];
    case "relay":
      return touch(
        model,
        answer as string[],
        (job) => job.relay === "due",
        (job) => relayed(job, operation.taken),
      );
    case "expire":
      return touch(model, answer as string[], canExpire, (job) => end(job, "expired", "expired"));
    default:
      return isDeepStrictEqual(withoutLateReads(expected), withoutLateReads(answer)) ? [after] : [];
  }
}

function touch(model: Model, ids: readonly string[], may: (job: Job) => boolean, become: (job: Job) => Job): Model[] {
  const jobs = ids.map((id) => model.jobs.get(id));
  if (!jobs.every((job) => job !== undefined && may(job))) return [];
  return [jobs.reduce((m, job) => put(m, become(job!)), model)];
}

/** A refused start reads the state after it was refused: by then it may be another one. */
function withoutLateReads(answer: unknown): unknown {
  return (answer as { kind?: unknown } | null)?.kind === "refused" ? "refused" : answer;
}

function isSame(model: Model, rows: ReadonlyMap<string, Seen>): boolean {
  if (model.jobs.size !== rows.size) return false;
  return [...model.jobs.values()].every(({ leases: _, ...job }) =>
    isDeepStrictEqual(sorted(job), sorted(rows.get(job.id)?.job)),
  );
}

/** Steps of one attempt have no order among themselves when they are stored at once. */
function sorted(job: Omit<Job, "leases"> | undefined) {
  return job && { ...job, steps: job.steps.toSorted() };
}
