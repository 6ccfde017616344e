import { platforms } from "../tenants.ts";

/** A question that the shop's people ask of a report, so many times. */
export interface Question {
  readonly report: string;
  readonly params: Readonly<Record<string, string>>;
  readonly reads: number;
}

const { timeZone } = platforms.brain2gain;

/** What is read. Another report is a line here. */
export const questions: readonly Question[] = [
  { report: "revenue", params: { from: "2025-11-01", to: "2026-10-31", by: "month", timeZone }, reads: 6 },
  { report: "active-users", params: { from: "2026-10-01", to: "2026-10-31", timeZone }, reads: 4 },
];

/** The one that is fetched as a file, too, and whose rows show whether a late order is in it. */
export const shownAsFile = questions[0]!;
