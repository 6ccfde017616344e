import type { SqlRunner } from "#core/sql.ts";
import type { Obligations, StoredObligation } from "../obligations.ts";
import type { Application } from "./application.ts";
import type { CalendarRule, ComplianceCalendar } from "./calendar.ts";

/** What applying a calendar did. */
export interface Applied {
  readonly created: readonly StoredObligation[];
  /** Keys of rules whose obligation the company has already. */
  readonly existing: readonly string[];
}

/**
 * Make the rules of a calendar obligations of a company: all that concern everybody, or those that are named. What it made
 * before is left as it is, so it is safe to repeat. `readApplication` has passed what is given.
 */
export async function applyCalendar(
  obligations: Obligations,
  tenant: string,
  calendar: ComplianceCalendar,
  { rules: named, ...given }: Application,
  sql: SqlRunner,
): Promise<Applied> {
  const bodies = chosen(calendar, named).map((rule) => ({
    rule: rule.key,
    body: obligations.read({ ...given, ...ofRule(calendar, rule), timeZone: given.timeZone ?? calendar.timeZone }),
  }));
  const created: StoredObligation[] = [];
  const existing: string[] = [];
  for (const { rule, body } of bodies) {
    const stored = await obligations.create(tenant, body, { calendar: calendar.id, rule }, sql);
    if (stored) created.push(stored);
    else existing.push(rule);
  }
  return { created, existing };
}

function chosen({ rules }: ComplianceCalendar, named: readonly string[] | undefined): readonly CalendarRule[] {
  return rules.filter(({ key, when }) => (named ? named.includes(key) : when === undefined));
}

function ofRule({ holidays }: ComplianceCalendar, { title, kind, rrule, from, roll, offsets }: CalendarRule) {
  return { title, kind, due: { rrule, ...(from !== undefined && { from }) }, roll, calendar: holidays, offsets };
}
