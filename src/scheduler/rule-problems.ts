import { seconds } from "#core/duration.ts";
import { type FieldProblem, InvalidInput } from "#core/errors.ts";
import type { ScheduleRule } from "#core/schedule.ts";
import { parseCron } from "./cron.ts";
import { parseRrule } from "./rrule.ts";
import { nextTick } from "./tick.ts";
import { zoneOf } from "./zone.ts";
import { nearestZone } from "./zone-names.ts";

/**
 * Everything that is wrong with a rule, each with the path of its field, what was expected and a permanent code; empty for a
 * rule that can be kept. `now` decides whether it still fires. Bounded in time, whatever the rule.
 */
export function ruleProblems(rule: ScheduleRule, now: number): readonly FieldProblem[] {
  const problems = [...formProblems(rule), ...zoneProblems(rule.timeZone), ...frameProblems(rule)];
  return problems.length > 0 ? problems : firingProblems(rule, now);
}

function formProblems({ cron, rrule, everyMs, startsAt }: ScheduleRule): FieldProblem[] {
  const given = Object.entries({ cron, rrule, everyMs }).flatMap(([name, value]) =>
    value === undefined ? [] : [name],
  );
  if (given.length === 0)
    return [{ path: "", message: "Expected one of cron, rrule and everyMs, found none", code: "rule_missing" }];
  const problems: FieldProblem[] = [];
  if (given.length > 1) {
    const message = `Expected one of cron, rrule and everyMs, found ${given.join(" and ")}`;
    problems.push({ path: "", message, code: "rule_ambiguous" });
  }
  if (cron !== undefined) problems.push(...refusalOf(() => parseCron(cron)));
  if (rrule !== undefined) {
    problems.push(...refusalOf(() => parseRrule(rrule)));
    if (startsAt === undefined) {
      const message = "Expected the instant that the rrule is counted from, found none";
      problems.push({ path: "startsAt", message, code: "starts_at_missing" });
    }
  }
  if (everyMs !== undefined && !(everyMs >= seconds(1))) {
    const message = `Expected ${seconds(1)} or more milliseconds, found ${everyMs}`;
    problems.push({ path: "everyMs", message, code: "every_ms_too_small" });
  }
  return problems;
}

function zoneProblems(timeZone: string): FieldProblem[] {
  return refusalOf(() => zoneOf(timeZone)).map((problem) => {
    const nearest = nearestZone(timeZone);
    return nearest ? { ...problem, message: `${problem.message}; did you mean ${nearest}?` } : problem;
  });
}

function frameProblems({ startsAt, endsAt }: ScheduleRule): FieldProblem[] {
  if (startsAt === undefined || endsAt === undefined || Date.parse(endsAt) >= Date.parse(startsAt)) return [];
  return [
    { path: "endsAt", message: `Expected an instant not before startsAt, ${startsAt}`, code: "ends_before_start" },
  ];
}

function firingProblems(rule: ScheduleRule, now: number): FieldProblem[] {
  if (nextTick(rule, now)) return [];
  const ended = rule.endsAt !== undefined && Date.parse(rule.endsAt) <= now;
  const path = ended ? "endsAt" : rule.cron !== undefined ? "cron" : rule.rrule !== undefined ? "rrule" : "endsAt";
  const ever = nextTick(rule, Number.NEGATIVE_INFINITY) !== null;
  const message = ever
    ? "Expected a rule that will fire, found one whose last tick has passed"
    : "Expected a rule that will fire, found one without any tick";
  return [{ path, message, code: "never_fires" }];
}

function refusalOf(parse: () => unknown): readonly FieldProblem[] {
  try {
    parse();
    return [];
  } catch (error) {
    if (error instanceof InvalidInput) return error.problems;
    throw error;
  }
}
