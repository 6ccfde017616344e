import { hours } from "#core/duration.ts";
import type { ReportDefinition } from "#core/report.ts";
import type { Looked } from "./cache.ts";

/**
 * `fresh`: served as it is. `stale`: served, marked, while a new one is computed. `expired`: older than that, served only when
 * no new one can be computed. `none`: there is nothing.
 */
export type Freshness = "fresh" | "stale" | "expired" | "none";

/** After a computation failed, readers ask for no other for this long. */
export const failureBackoffMs = 60_000;

/** What may be done with what was found, at `now`. */
export function freshness(
  { copy, invalidatedAt }: Looked,
  report: Pick<ReportDefinition, "ttlMs" | "staleMs">,
  now: number,
): Freshness {
  if (!copy) return "none";
  const ageMs = now - copy.asOf;
  if (ageMs >= report.ttlMs + report.staleMs) return "expired";
  return ageMs >= report.ttlMs || copy.asOf <= invalidatedAt ? "stale" : "fresh";
}

/** Whether the last computation failed so recently that another is not asked for. */
export function backsOff({ failure }: Pick<Looked, "failure">, now: number): boolean {
  return failure !== null && now - failure.at < failureBackoffMs;
}

/** How long a result may be served at most: invalidations are remembered in Redis for as long. */
export function longestLifeMs(reports: readonly Pick<ReportDefinition, "ttlMs" | "staleMs">[]): number {
  return Math.max(hours(1), ...reports.map(({ ttlMs, staleMs }) => ttlMs + staleMs));
}
