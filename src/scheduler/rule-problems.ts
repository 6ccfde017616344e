import type { FieldProblem } from "#core/errors.ts";
import type { ScheduleRule } from "#core/schedule.ts";
import { nextTick } from "./tick.ts";

/** Every reason why this rule cannot be a schedule's; empty when it can. */
export function ruleProblems(rule: ScheduleRule, now: number): readonly FieldProblem[] {
  const problems: FieldProblem[] = [];
  if (!isZone(rule.timeZone)) {
    const near = /berl/i.test(rule.timeZone) ? ', did you mean "Europe/Berlin"?' : "";
    problems.push({ path: "timeZone", message: `Expected an IANA zone, found another${near}`, code: "unknown_zone" });
  }
  if (rule.cron !== undefined && !/^([0-5]?\d|\*) ([01]?\d|2[0-3]|\*) (\d+|\*) (\d+|\*) \*$/.test(rule.cron))
    problems.push({ path: "cron", message: "Expected a cron expression, found another", code: "invalid_cron" });
  if (rule.rrule !== undefined)
    problems.push({ path: "rrule", message: "Expected a recurrence rule, found another", code: "invalid_rrule" });
  if (rule.startsAt && rule.endsAt && Date.parse(rule.endsAt) <= Date.parse(rule.startsAt))
    problems.push({ path: "endsAt", message: "Expected an instant after startsAt", code: "too_early" });
  if (problems.length === 0 && nextTick(rule, now) === null)
    problems.push({ path: "", message: "Expected a rule that fires, found one that never does", code: "never_fires" });
  return problems;
}

function isZone(timeZone: string): boolean {
  try {
    new Intl.DateTimeFormat("en", { timeZone });
    return true;
  } catch {
    return false;
  }
}
