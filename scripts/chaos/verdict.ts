import type { Check } from "./check.ts";
import { checkEffects } from "./checks/effects.ts";
import { checkEnds } from "./checks/ends.ts";
import { checkFamilies } from "./checks/families.ts";
import { checkFencing } from "./checks/fencing.ts";
import { checkSteps } from "./checks/steps.ts";
import { checkTimes } from "./checks/times.ts";
import type { Evidence } from "./evidence.ts";

const checks: readonly ((evidence: Evidence) => Check)[] = [
  checkEnds,
  checkEffects,
  checkFencing,
  checkSteps,
  checkFamilies,
  checkTimes,
];

/** Judge a run: passed when nothing is broken. Pure. */
export function judge(evidence: Evidence): Check {
  const found = checks.map((check) => check(evidence));
  return {
    rows: found.flatMap(({ rows }) => rows),
    broken: found.flatMap(({ broken }) => broken),
    suspects: [...new Set(found.flatMap(({ suspects }) => suspects))],
  };
}
