import type { ReportPlace } from "#core/report-key.ts";
import { failureBackoffMs } from "./freshness.ts";

/** A question that is asked, with what is known of it. Times in ms. */
export interface Candidate {
  readonly place: ReportPlace;
  /** Reads, each counting half as much after each half-life. */
  readonly hits: number;
  /** Expected database time; `null`: never computed. */
  readonly costMs: number | null;
  readonly asOf: number | null;
  readonly failedAt: number | null;
  readonly invalidatedAt: number;
  readonly leased: boolean;
}

/** What becomes of a question, and why. `refresh` is the set that fits the budget. */
export type Decision =
  | "refresh"
  | "fresh"
  | "unpopular"
  | "being-computed"
  | "failed-lately"
  | "over-budget"
  | "over-tenant-share";

export interface Planned extends Candidate {
  readonly decision: Decision;
  /** When the present result stops being fresh; `null`: there is none. */
  readonly freshUntil: number | null;
  /** Waiting that a refresh would save readers: hits × cost. */
  readonly savesMs: number;
  /** What it was taken to cost. */
  readonly expectedMs: number;
}

export interface PlanTerms {
  readonly now: number;
  /** Database time for all refreshes of one run, ms. */
  readonly budgetMs: number;
  /** Part of it that one tenant may take. */
  readonly tenantShare: number;
  /** How long before its end a result is refreshed; half its ttl at the most. */
  readonly leadMs: number;
  /** Questions with fewer hits are left to their readers. */
  readonly minHits: number;
  /** Taken for the cost of what was never computed, ms. */
  readonly unknownCostMs: number;
}

/**
 * Which results to compute before they expire: those that save readers most waiting per unit of database time, until the budget
 * is spent. As a refresh saves hits × cost and takes cost, the order is that of the hits; a question too dear for what is left
 * is passed over. Pure.
 */
export function plan(candidates: readonly Candidate[], terms: PlanTerms): readonly Planned[] {
  const judged = candidates.map((candidate) => judge(candidate, terms)).sort(byWorth);
  const spent = new Map<string, number>();
  let total = 0;
  return judged.map((one) => {
    if (one.decision !== "refresh") return one;
    const { tenant } = one.place;
    const ofTenant = (spent.get(tenant) ?? 0) + one.expectedMs;
    if (total + one.expectedMs > terms.budgetMs) return { ...one, decision: "over-budget" };
    if (ofTenant > terms.budgetMs * terms.tenantShare) return { ...one, decision: "over-tenant-share" };
    spent.set(tenant, ofTenant);
    total += one.expectedMs;
    return one;
  });
}

function judge(candidate: Candidate, terms: PlanTerms): Planned {
  const { place, asOf, hits, costMs } = candidate;
  const expectedMs = Math.max(1, costMs ?? terms.unknownCostMs);
  const freshUntil = asOf === null ? null : asOf + place.report.ttlMs;
  return { ...candidate, freshUntil, expectedMs, savesMs: hits * expectedMs, decision: decide(candidate, terms) };
}

function decide(candidate: Candidate, { now, leadMs, minHits }: PlanTerms): Decision {
  const { place, asOf, hits, failedAt, invalidatedAt, leased } = candidate;
  const { ttlMs } = place.report;
  if (hits < minHits) return "unpopular";
  if (leased) return "being-computed";
  if (failedAt !== null && now - failedAt < failureBackoffMs) return "failed-lately";
  const isDue = asOf === null || asOf <= invalidatedAt || asOf + ttlMs - now <= Math.min(leadMs, ttlMs / 2);
  return isDue ? "refresh" : "fresh";
}

function byWorth(a: Planned, b: Planned): number {
  return b.hits - a.hits || a.expectedMs - b.expectedMs || (a.place.key < b.place.key ? -1 : 1);
}
