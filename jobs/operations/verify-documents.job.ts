import { z } from "zod";
import { hours, minutes } from "#core/duration.ts";
import { defineJob } from "#core/job.ts";
import { fixed } from "#core/retry.ts";
import { operations } from "#queues/operations.ts";

export const payload = z.strictObject({
  since: z.iso
    .datetime({ offset: true })
    .optional()
    .describe("Only versions stored at or after this instant. Default: all."),
});
export type VerifyDocuments = z.infer<typeof payload>;

export const result = z.strictObject({
  checked: z.int().nonnegative(),
  missing: z
    .array(z.string())
    .describe("Versions (`documentId/version`) whose bytes are not in the blob store; at most 100."),
  corrupt: z.array(z.string()).describe("Versions whose bytes have another SHA-256 than recorded; at most 100."),
});
export type VerifiedDocuments = z.infer<typeof result>;

/**
 * Read every stored document of the tenant back and compare its bytes with the recorded hash; as a job of the house (tenant
 * `*`), every tenant's. Reads only.
 */
export const verifyDocuments = defineJob({
  name: "operations.verify-documents",
  summary: "Read every stored document back and compare its bytes with the recorded SHA-256.",
  queue: operations,
  enqueuedBy: "operator", // it reads every document that the tenant has
  payload,
  result,
  retry: fixed({ attempts: 3, delayMs: minutes(1) }),
  timeoutMs: hours(1),
  handler: () => import("./verify-documents.handler.ts"),
});
