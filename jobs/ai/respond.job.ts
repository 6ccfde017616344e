import { z } from "zod";
import type { AiAnswer, AiMessage } from "#core/ai-jobs.ts";
import { minutes, seconds } from "#core/duration.ts";
import { defineJob } from "#core/job.ts";
import { exponential } from "#core/retry.ts";
import { ai } from "#queues/ai.ts";
import { asker, sessionId, text, usage } from "./asker.ts";
import { haveBudget } from "./spender.ts";

export const payload = z
  .strictObject({
    message: text(1_000).describe("What is asked."),
    context: z.string().max(5_000).optional().describe("What the answer is to rest on."),
    sessionId: sessionId.optional(),
    ...asker,
    stream: z
      .boolean()
      .optional()
      .describe("Tell the answer as it comes: `delta` events of `GET /v1/jobs/{id}/events`."),
  })
  .meta({
    examples: [
      {
        message: "When is GSTR-1 for October due?",
        context: "GSTR-1 is filed monthly, by the 11th of the next month. GSTR-3B follows by the 20th.",
        purpose: "help-desk",
      },
    ],
  }) satisfies z.ZodType<AiMessage>;
export type Respond = z.infer<typeof payload>;

export const result = z.strictObject({
  answer: z.string(),
  provider: z.string().describe("Who answered; `simple`: the rules, without a model."),
  model: z.string(),
  degraded: z
    .boolean()
    .describe("No model could be reached: these are sentences of the context that fit the question."),
  truncated: z.boolean().describe("The answer was cut at its longest."),
  cached: z.boolean().describe("Asked before, and bought nothing this time."),
  usage,
  costMicros: z.int().nonnegative().describe("Millionths of a dollar."),
}) satisfies z.ZodType<AiAnswer>;
export type Responded = z.infer<typeof result>;

/**
 * Answer a message, from its context and its session. Safe to repeat: an answer that was paid for is on record before the
 * job settles, and a retry uses it; only a call whose worker died in the middle is made again, and is listed as `unknown`.
 */
export const respond = defineJob({
  name: "ai.respond",
  summary: "Answer a message by the first provider of the chain that can.",
  queue: ai,
  payload,
  result,
  retry: exponential({ attempts: 4, firstMs: seconds(2), maxMs: minutes(1), jitter: 0.2 }),
  timeoutMs: minutes(4), // three providers at a minute each, and what lies in between
  admit: haveBudget,
  handler: () => import("./respond.handler.ts"),
});
