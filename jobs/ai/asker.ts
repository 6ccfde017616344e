import { z } from "zod";

const name = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/;

/** What every AI job may be told about who asks and what it may cost. */
export const asker = {
  userId: z
    .string()
    .regex(name, "Expected 1–100 of A–Z a–z 0–9 . _ - (an id, not an address)")
    .optional()
    .describe("Who asks, in the caller's numbering: for budgets per user."),
  purpose: z
    .string()
    .regex(/^[a-z0-9][a-z0-9._-]{0,62}$/, "Expected 1–63 of a–z 0–9 . _ -")
    .optional()
    .describe("The feature that asks: for budgets per feature. Default: `general`."),
  maxCostMicros: z
    .int()
    .min(1)
    .max(1_000_000_000)
    .optional()
    .describe("The most this job may cost, in millionths of a dollar. Providers that may cost more are passed over."),
};

export const sessionId = z
  .string()
  .regex(name, "Expected 1–100 of A–Z a–z 0–9 . _ -")
  .describe("The conversation this belongs to: its last messages go along, bounded by tokens.");

export const defaultPurpose = "general";

/** What was bought, as results tell it. */
export const usage = z
  .strictObject({
    inputTokens: z.int().nonnegative(),
    cachedInputTokens: z.int().nonnegative(),
    outputTokens: z.int().nonnegative(),
    reasoningTokens: z.int().nonnegative(),
  })
  .nullable()
  .describe("As the provider counted; `null` when it did not say, or nothing was bought.");

/** A text that says something. */
export const text = (max: number) =>
  z.string().min(1, { abort: true }).max(max).regex(/\S/, "Expected more than white space");
