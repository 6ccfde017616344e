import { z } from "zod";
import { minutes, seconds } from "#core/duration.ts";

const maxWaitMs = minutes(1);
const unitsMs = { ms: 1, s: seconds(1), m: minutes(1) } as const;

/** How long a request may be held: `500ms`, `30s`, `1m` (the most). Comes out as ms. */
export const waitText = z
  .string()
  .regex(/^\d{1,5}(ms|s|m)$/, "Expected a duration such as 500ms, 30s or 1m")
  .transform((text) => Number.parseInt(text, 10) * unitsMs[text.replace(/\d+/, "") as keyof typeof unitsMs])
  .pipe(z.number().max(maxWaitMs, "Expected at most 1m"));
