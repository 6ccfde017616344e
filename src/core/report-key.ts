import { hash } from "node:crypto";
import type { z } from "zod";
import { type FieldProblem, InvalidInput, NightshiftError } from "./errors.ts";
import { toProblems } from "./problems.ts";
import type { ReportDefinition, ReportPermission } from "./report.ts";
import { unstorable } from "./storable.ts";

/** Longest canonical parameters, in UTF-16 units: keys and the counts of popular reports hold them. */
const paramsLimit = 2_000;

/** A report name that this installation does not have. */
export class UnknownReport extends NightshiftError {
  readonly code = "unknown_report";

  constructor(name: string) {
    super(`Expected the name of a report, found "${name.slice(0, 80)}". GET /v1/reports lists them.`);
  }
}

/** One question of one tenant: what a result is stored under, and what its tags are. */
export interface ReportPlace {
  readonly tenant: string;
  readonly report: ReportDefinition;
  readonly permission: ReportPermission;
  readonly params: Readonly<Record<string, unknown>>;
  /** The parameters as JSON in one spelling. */
  readonly canonical: string;
  /** SHA-256 of report, version, permission and canonical parameters. With the tenant it is the key. */
  readonly key: string;
  readonly tags: readonly string[];
}

/**
 * Where the result of these parameters is. However they are written (order, defaults left out or given, `"7"` or `7`), the
 * same question has the same key. Throws InvalidInput with the path of every problem.
 */
export function placeOf(
  tenant: string,
  report: ReportDefinition,
  permission: ReportPermission,
  given: unknown,
): ReportPlace {
  const parsed = report.params.safeParse(given);
  const problems: FieldProblem[] = [
    ...(parsed.error?.issues.flatMap((issue) => toProblems(issue, [])) ?? []),
    ...unstorable(given, ""),
  ];
  const canonical = parsed.success ? canonicalJson(parsed.data) : "";
  if (canonical.length > paramsLimit)
    problems.push({ path: "", message: `Expected at most ${paramsLimit} characters of parameters`, code: "too_big" });
  if (problems.length > 0) throw new InvalidInput(`The parameters of report "${report.name}" were refused`, problems);
  const params = parsed.data as Record<string, unknown>;
  const key = hash("sha256", `${report.name}\n${report.version}\n${permission}\n${canonical}`);
  return {
    tenant,
    report,
    permission,
    params,
    canonical,
    key,
    tags: [`report:${report.name}`, ...report.tags(params)],
  };
}

/** The strongest of a report's permissions that a reader holds; `null`: none. */
export function strongest(
  report: Pick<ReportDefinition, "permissions">,
  holds: (permission: ReportPermission) => boolean,
): ReportPermission | null {
  return report.permissions.findLast(holds) ?? null;
}

/** JSON with the members of every object in the order of their names; members that are undefined are left out. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_name, member: unknown) =>
    typeof member === "object" && member !== null && !Array.isArray(member)
      ? Object.fromEntries(Object.entries(member).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)))
      : member,
  );
}

/** What comes out of a report's schema. */
export type ParamsOf<Report> = Report extends ReportDefinition<infer Params> ? z.output<Params> : never;
