import type { LedgerJob } from "./evidence.ts";

/** A stretch of time, epoch ms. */
export interface Stretch {
  readonly from: number;
  readonly to: number;
}

/**
 * The longest stretch in which work waited for its first attempt and no attempt of any job ended. A job waits from its
 * acceptance; the wait before a retry is not counted, because it is meant.
 */
export function longestSilence(jobs: readonly LedgerJob[]): Stretch {
  const ends = jobs.flatMap(({ attempts }) => attempts.map(({ finishedAt }) => finishedAt)).sort((a, b) => a - b);
  const waits = jobs.flatMap(({ acceptedAt, attempts: [first] }) =>
    first ? [{ from: acceptedAt, to: first.startedAt }] : [],
  );
  let longest: Stretch = { from: 0, to: 0 };
  for (const [index, to] of ends.entries()) {
    const from = ends[index - 1] ?? Math.min(...jobs.map(({ acceptedAt }) => acceptedAt));
    if (to - from <= longest.to - longest.from) continue;
    const waited = waits.filter((wait) => wait.from < to && wait.to > from);
    const since = Math.max(from, Math.min(...waited.map((wait) => wait.from)));
    if (to - since > longest.to - longest.from) longest = { from: since, to };
  }
  return longest;
}
