import { type Check, countBy, sentences } from "../check.ts";
import type { Evidence, LedgerBatch, LedgerJob } from "../evidence.ts";
import { kindOf } from "../work/jobs.ts";

/** Children are those of the attempt that completed their parent; a batch finishes once, with its counts, and completes once. */
export function checkFamilies({ jobs, batches, askedBatches }: Evidence): Check {
  const childrenOf = Map.groupBy(jobs, ({ parentId }) => parentId);
  const parents = jobs.filter(({ job }) => kindOf(job) === "parent");
  const wrongParents = parents.filter(({ id, state, result }) => {
    const due = state === "completed" ? (result?.children ?? []) : [];
    const found = (childrenOf.get(id) ?? []).map((child) => child.id);
    return found.toSorted().join() !== due.toSorted().join();
  });

  const jobsOf = Map.groupBy(jobs, ({ batchId }) => batchId);
  const completions = countBy(jobs, ({ correlationId }) => correlationId ?? "");
  const byId = new Map(batches.map((batch) => [batch.id, batch]));
  const wrongBatches = askedBatches.filter(({ id, name, size }) => {
    const batch = byId.get(id);
    if (!batch?.isFinished || batch.total !== size || completions[`${name}-done`] !== 1) return true;
    return !isCounted(batch, jobsOf.get(id) ?? []);
  });
  const children = jobs.filter(({ parentId }) => parentId !== null).length;
  return {
    rows: [
      ["parents", String(parents.length), `with ${children} children; wrong ones: ${wrongParents.length}, must be 0`],
      ["batches", String(askedBatches.length), `accepted; wrong ones: ${wrongBatches.length}, must be 0`],
    ],
    broken: sentences(
      [wrongParents.length, "parents do not have exactly the children of the attempt that completed them"],
      [wrongBatches.length, "batches did not finish with one completion and the right counts"],
    ),
    suspects: [...wrongParents, ...wrongBatches].map(({ id }) => id),
  };
}

function isCounted({ counts, total }: LedgerBatch, jobs: readonly LedgerJob[]): boolean {
  const found = countBy(jobs, ({ state }) => state);
  const states = new Set([...Object.keys(found), ...Object.keys(counts ?? {})]);
  return jobs.length === total && [...states].every((state) => (found[state] ?? 0) === (counts?.[state] ?? 0));
}
