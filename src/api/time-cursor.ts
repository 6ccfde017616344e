import { z } from "zod";
import { uuidPattern } from "#core/uuid.ts";

/** `nextCursor` of lists in the order of time: the instant and the id of the last item. */
export const timeCursor = z
  .string()
  .optional()
  .describe("`nextCursor` of the page before.")
  .refine((text) => text === undefined || readTimeCursor(text) !== null, "Expected the nextCursor of a page");

/** `null`: it is none. */
export function readTimeCursor(text: string): readonly [Date, string] | null {
  const [ms = "", id = ""] = text.split(".");
  return /^\d{1,14}$/.test(ms) && uuidPattern.test(id) ? [new Date(Number(ms)), id] : null;
}

export function timeCursorOf({ fireAt, id }: { readonly fireAt: Date; readonly id: string }): string {
  return `${fireAt.getTime()}.${id}`;
}
