import { z } from "zod";
import { type FieldProblem, InvalidInput } from "#core/errors.ts";
import { toProblems } from "#core/problems.ts";
import { addressProblems, obligationBody } from "../obligation.ts";
import type { ComplianceCalendar } from "./calendar.ts";

const longestKey = 80; // characters

/** Whose duties a calendar's become, and how they are reminded: fields of an obligation, beside those that a rule gives. */
export const application = obligationBody
  .pick({
    company: true,
    owner: true,
    manager: true,
    timeZone: true,
    overdue: true,
    at: true,
    channels: true,
    priority: true,
  })
  .partial({ timeZone: true })
  .extend({
    rules: z
      .array(z.string().max(longestKey))
      .min(1)
      .max(50)
      .optional()
      .describe("Only these, by `key`. Default: every rule without a `when`."),
  });
export type Application = z.output<typeof application>;

/** Looked at one by one, whatever is wrong with the others. */
const named = z.object({ rules: z.array(z.unknown()) });

/** Check an application as a whole. Throws InvalidInput with the path of every problem. */
export function readApplication(raw: unknown, calendar: ComplianceCalendar): Application {
  const { data, error } = application.safeParse(raw);
  const problems = [
    ...(error?.issues.flatMap((issue) => toProblems(issue, [])) ?? []),
    ...addressProblems(raw),
    ...ruleProblems(named.safeParse(raw).data?.rules ?? [], calendar),
  ];
  if (!data || problems.length > 0) throw new InvalidInput("The calendar was not applied", problems);
  return data;
}

function* ruleProblems(keys: readonly unknown[], { rules }: ComplianceCalendar): Generator<FieldProblem> {
  const message = "Expected the key of a rule of this calendar, found another";
  for (const [index, key] of keys.entries())
    if (typeof key === "string" && key.length <= longestKey && !rules.some((rule) => rule.key === key))
      yield { path: `rules.${index}`, code: "rule_unknown", message };
}
