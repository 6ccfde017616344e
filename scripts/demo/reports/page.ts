import type { Screen } from "../screen.ts";
import { platforms } from "../tenants.ts";
import { plural, table } from "../wording.ts";
import type { Read, ReportEvidence, Seen } from "./proof.ts";

/** How long each read took, before and after the planner. */
export function sayReports(screen: Screen, { seeded, late, seen, prepared }: ReportEvidence): void {
  screen.say(screen.style("bold", `Reports: ${platforms.brain2gain.name}`));
  const head = ["read", "rows", "first, computed", "again, kept", "after the planner", ""];
  for (const line of table([head, ...seen.map(row)])) screen.say(line);
  screen.say(
    `  Over ${seeded.orders} orders and ${seeded.events} events. ${plural(late, "order")} came in after the first reads; ` +
      `reports.plan computed ${plural(prepared, "popular result")} anew before anybody asked.`,
  );
  screen.say();
}

function row({ question, first, hits, planned, after }: Seen): readonly string[] {
  return [
    question.report,
    String(after.rows.length),
    ms(first),
    `${ms(middle(hits))} (${plural(hits.length, "read")})`,
    ms(after),
    `as of ${after.asOf?.slice(11, 19) ?? "?"} UTC, Age ${after.ageSeconds} s; ${planned?.hits ?? 0} hits`,
  ];
}

function middle(reads: readonly Read[]): Read | undefined {
  return reads.toSorted((a, b) => a.ms - b.ms)[Math.floor(reads.length / 2)];
}

function ms(read: Read | undefined): string {
  return read ? `${Math.max(1, Math.round(read.ms))} ms` : "";
}
