import type { z } from "zod";
import type { FieldProblem } from "./errors.ts";

const keyLimit = 100; // characters; a caller may send a key as long as a body

/** A problem document (RFC 9457). `code` is permanent; `errors` names every rejected field by its dotted path. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly code: string;
  readonly detail?: string;
  readonly errors?: readonly FieldProblem[];
}

/** The problems of a rejected parse, each with its dotted path below `prefix`. Unknown keys become one problem each. */
export function toProblems(issue: z.core.$ZodIssue, prefix: readonly PropertyKey[]): FieldProblem[] {
  const path = [...prefix, ...issue.path].map(String);
  if (issue.code === "unrecognized_keys")
    return issue.keys.map((key) => ({
      path: [...path, key.slice(0, keyLimit)].join("."),
      message: "Expected no such field, found one",
      code: "unrecognized_key",
    }));
  const code = issue.code === "custom" ? (issue.params?.code as string | undefined) : issue.code;
  return [{ path: path.join("."), message: issue.message, ...(code !== undefined && { code }) }];
}
