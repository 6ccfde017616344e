import { InvalidInput } from "#core/errors.ts";
import { parseParts, type RecurrenceParts, RuleRefused } from "../recurrence/parts.ts";

/** Read the `rrule` of a schedule. Throws InvalidInput (`rrule_invalid`) naming the part that is wrong and what was expected. */
export function parseRrule(text: string): RecurrenceParts {
  try {
    return parseParts(text);
  } catch (error) {
    if (!(error instanceof RuleRefused)) throw error;
    const problem = { path: "rrule", message: error.message, code: "rrule_invalid" };
    throw new InvalidInput("schedule rule", [problem], problem.code);
  }
}
