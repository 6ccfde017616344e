import { z } from "zod";
import type { AiExtract, AiText } from "#core/ai-jobs.ts";
import { minutes, seconds } from "#core/duration.ts";
import { defineJob } from "#core/job.ts";
import { exponential } from "#core/retry.ts";
import { ai } from "#queues/ai.ts";
import { asker, text, usage } from "./asker.ts";
import { type SchemaName, schemaNames } from "./schemas.ts";
import { haveBudget } from "./spender.ts";

export const payload = z
  .strictObject({
    text: text(10_000).describe("What is read."),
    schema: z.enum(schemaNames).describe("What is looked for."),
    ...asker,
  })
  .meta({
    examples: [
      {
        schema: "risk-score",
        text: "Two of four quarterly access reviews were not done; no vendor review since 2024.",
      },
    ],
  }) satisfies z.ZodType<AiText>;
export type Extract = z.infer<typeof payload>;

export const result = z.strictObject({
  schema: z.enum(schemaNames),
  data: z.unknown().describe("Meets the schema."),
  provider: z.string(),
  model: z.string(),
  repaired: z.boolean().describe("The first answer did not meet the schema, the second one does."),
  cached: z.boolean().describe("Asked before, and bought nothing this time."),
  usage,
  costMicros: z.int().nonnegative().describe("Millionths of a dollar, both answers together."),
}) satisfies z.ZodType<AiExtract>;
export type Extracted = z.infer<typeof result> & { readonly schema: SchemaName };

/**
 * Read a text into one of the registered schemas. An answer that does not meet the schema is sent back once, with what is
 * wrong; the second one counts. Safe to repeat, like `ai.respond`; there is no rule that answers when no provider does.
 */
export const extract = defineJob({
  name: "ai.extract",
  summary: "Read a text into a registered schema, checked, with one attempt at repair.",
  queue: ai,
  payload,
  result,
  retry: exponential({ attempts: 4, firstMs: seconds(2), maxMs: minutes(1), jitter: 0.2 }),
  timeoutMs: minutes(4),
  admit: haveBudget,
  handler: () => import("./extract.handler.ts"),
});
