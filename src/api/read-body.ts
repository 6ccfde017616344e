import type { z } from "zod";
import { InvalidInput } from "#core/errors.ts";
import { toProblems } from "#core/problems.ts";
import { unstorable } from "#core/storable.ts";

/** Check that a body can be stored, then that it is what the schema says. Throws InvalidInput, every problem by its path. */
export function readBody<Schema extends z.ZodType>(schema: Schema, body: unknown): z.output<Schema> {
  const unkept = unstorable(body, "");
  if (unkept.length > 0) throw new InvalidInput("The body was refused", unkept);
  const { data, error } = schema.safeParse(body);
  if (!error) return data as z.output<Schema>;
  throw new InvalidInput(
    "The body was refused",
    error.issues.flatMap((issue) => toProblems(issue, [])),
  );
}
