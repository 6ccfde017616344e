import { z } from "zod";
import { deduplicationModes } from "#core/deduplication.ts";
import { days, seconds } from "#core/duration.ts";
import { priorities } from "#core/priority.ts";

/** An instant that both Date and Postgres write with four digits of year. */
export const instant = z.iso
  .datetime({ offset: true, abort: true })
  .refine((text) => /^(19[7-9]|[2-8])/.test(text), "Expected a year from 1970 to 8999");

/** What a caller may say about a job besides its payload: one schema for the typed producer and for HTTP. */
export const enqueueOptions = z.strictObject({
  runAt: instant.optional().describe("Not before this instant. Default: now."),
  priority: z
    .enum(priorities)
    .default("normal")
    .describe("high runs before normal, normal before low. Of a queue whose order is fifo, normal alone."),
  deduplicationKey: z
    .string()
    .min(1)
    .max(200)
    .regex(/^[\x21-\x7e]+$/, "Expected printable ASCII without spaces")
    .optional()
    .describe("Two living jobs of one kind with the same key are one job."),
  deduplicateForMs: z
    .int()
    .min(seconds(1))
    .max(days(30))
    .optional()
    .describe("The key stays taken for at least so long after the acceptance, also when the job has ended."),
  deduplicate: z
    .enum(deduplicationModes)
    .optional()
    .describe(
      "What to do when the key is taken. `join` (default): get that job. `replace`: while it has not begun, make it this " +
        "request's. `keep-last`: the same; once it has begun, this request becomes its one successor and runs after it.",
    ),
  expiresAt: instant.optional().describe("A job that no attempt has begun by then ends as expired."),
  tags: z.array(z.string().min(1).max(80)).max(10).default([]).describe("Words to find the job by; nothing personal."),
  correlationId: z.string().min(1).max(200).optional().describe("The caller's own name for what this belongs to."),
});

export type EnqueueOptions = z.input<typeof enqueueOptions>;
