import { z } from "zod";
import { minutes } from "#core/duration.ts";
import { defineReport } from "#core/report.ts";
import type { SqlRow } from "#core/sql.ts";
import { defaultDueSoonDays, type Standing, standingOf } from "#core/standing.ts";

/** A line while it is counted. */
interface Tally {
  readonly company: string;
  readonly kind: string | null;
  readonly counts: Record<Standing, number>;
  oldestOverdueOn: string | null;
  nextDueOn: string | null;
}

/** How every company of a tenant stands with what it owes: the counts are those of `GET /v1/compliance/{company}`. */
export const complianceDashboard = defineReport({
  name: "compliance-dashboard",
  title: "Compliance dashboard",
  summary:
    "Per company, or per kind of its obligations: what is pending, due soon, overdue, passed and completed, each occurrence counted " +
    "once, and the next due date. Companies with most overdue first.",
  version: 2,
  params: z.strictObject({
    company: z
      .string()
      .regex(/^[A-Za-z0-9][\w.:-]{0,99}$/)
      .optional()
      .describe("Only this company."),
    kind: z
      .string()
      .regex(/^[a-z][a-z0-9-]{0,39}$/)
      .optional()
      .describe("Only obligations of this kind."),
    by: z.enum(["company", "kind"]).default("company").describe("A line for each company, or for each of its kinds."),
    dueSoonDays: z.coerce
      .number()
      .int()
      .min(0)
      .max(366)
      .default(defaultDueSoonDays)
      .describe("Open occurrences due within so many days are due soon."),
    limit: z.coerce.number().int().min(1).max(1_000).default(100).describe("Lines."),
  }),
  columns: [
    { name: "company", title: "Company", type: "text" },
    { name: "kind", title: "Kind", type: "text" },
    { name: "pending", title: "Pending", type: "integer" },
    { name: "dueSoon", title: "Due soon", type: "integer" },
    { name: "overdue", title: "Overdue", type: "integer" },
    { name: "passed", title: "Passed", type: "integer" },
    { name: "completed", title: "Completed", type: "integer" },
    { name: "total", title: "Total", type: "integer" },
    { name: "completedPercent", title: "Completed of completed and overdue", type: "percent" },
    { name: "oldestOverdueOn", title: "Overdue since", type: "date" },
    { name: "nextDueOn", title: "Next due", type: "date" },
  ],
  chart: { kind: "bar", x: "company", y: ["overdue", "dueSoon", "completed"] },
  ttlMs: minutes(5), // days pass, and what is said of an occurrence is seen at once: completing one invalidates the tag
  tags: () => ["obligations"],
  async compute({ company, kind, by, dueSoonDays, limit }, { schema, asOf, query }) {
    // Due dates are moved together where no difference remains: before yesterday, and after what is soon. So there are at
    // most so many groups as days that are soon, however much was planned or kept.
    const groups = await query(
      `select company, kind, state, today::text, soon::text, lapses, count(*)::int as count, min(due_on)::text as first_due,
         least(greatest(due_on, today - 1), soon + 1)::text as due_on
       from (
         select c.company, case $4 when 'kind' then o.kind end as kind, c.state, c.due_on,
           o.body -> 'overdue' = 'null' as lapses,
           ($2::timestamptz at time zone c.time_zone)::date as today,
           ($2::timestamptz at time zone c.time_zone)::date + $3::int as soon
         from ${schema}.occurrences c join ${schema}.obligations o on o.tenant = c.tenant and o.id = c.obligation_id
         where c.tenant = $1 and c.state <> 'withdrawn'
           and ($5::text is null or c.company = $5) and ($6::text is null or o.kind = $6)
       ) counted group by company, kind, state, today, soon, lapses, least(greatest(due_on, today - 1), soon + 1)`,
      [asOf, dueSoonDays, by, company ?? null, kind ?? null],
    );
    return tallied(groups).sort(mostPressing).slice(0, limit).map(toRow);
  },
});

function tallied(groups: readonly SqlRow[]): Tally[] {
  const tallies = new Map<string, Tally>();
  for (const { company, kind, state, today, soon, lapses, count, due_on: dueOn, first_due: firstDue } of groups) {
    const name = JSON.stringify([company, kind]);
    const none = { pending: 0, due_soon: 0, overdue: 0, passed: 0, completed: 0 };
    const tally: Tally = tallies.get(name) ?? { company, kind, counts: none, oldestOverdueOn: null, nextDueOn: null };
    tallies.set(name, tally);
    const standing = standingOf({ state, dueOn, lapses }, today, soon);
    tally.counts[standing] += count;
    if (standing === "overdue") tally.oldestOverdueOn = earlier(tally.oldestOverdueOn, firstDue);
    else if (standing === "pending" || standing === "due_soon") tally.nextDueOn = earlier(tally.nextDueOn, firstDue);
  }
  return [...tallies.values()];
}

function earlier(one: string | null, other: string): string {
  return one === null || other < one ? other : one;
}

function mostPressing(a: Tally, b: Tally): number {
  return (
    b.counts.overdue - a.counts.overdue ||
    b.counts.due_soon - a.counts.due_soon ||
    byText(a.company, b.company) ||
    byText(a.kind ?? "", b.kind ?? "")
  );
}

function byText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function toRow({ company, kind, counts, oldestOverdueOn, nextDueOn }: Tally) {
  const { pending, due_soon: dueSoon, overdue, passed, completed } = counts;
  const due = completed + overdue;
  return {
    ...{ company, kind, pending, dueSoon, overdue, passed, completed, oldestOverdueOn, nextDueOn },
    total: pending + dueSoon + passed + due,
    completedPercent: due === 0 ? null : Math.round((1_000 * completed) / due) / 10,
  };
}
