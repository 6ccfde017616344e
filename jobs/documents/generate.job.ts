import { z } from "zod";
import { minutes, seconds } from "#core/duration.ts";
import { defineJob } from "#core/job.ts";
import { exponential } from "#core/retry.ts";
import { documents } from "#queues/documents.ts";
import { defaultLocale } from "./locale.ts";
import { templates } from "./template-list.ts";

const [first, ...others] = templates.map((template) =>
  z.strictObject({
    templateId: z.literal(template.id),
    userInputs: template.inputs,
    companyId: z.uuid().describe("The company the document belongs to, in the caller's numbering."),
    documentId: z
      .uuid()
      .optional()
      .describe("Add a version to this document. Default: a new document with the job's id."),
    locale: z
      .enum(template.locales as readonly [string, ...string[]])
      .optional()
      .describe("Default: en-IN."),
  }),
);

export const payload = z.discriminatedUnion("templateId", [first!, ...others]).meta({
  examples: templates.map(({ id, example }) => ({
    templateId: id,
    companyId: "0193a1de-7a53-7cc1-9d6e-2f1f3a5b7c90",
    locale: defaultLocale,
    userInputs: example,
  })),
});
export type GenerateDocument = z.infer<typeof payload>;

/** Where the PDF is drawn: named here, loaded only in threads. */
export const renderThread = new URL("./render.thread.ts", import.meta.url);

export const result = z.strictObject({
  documentId: z.uuid(),
  version: z.int().positive(),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  sizeBytes: z.int().positive(),
  pageCount: z.int().positive(),
});
export type GeneratedDocument = z.infer<typeof result>;

/**
 * Render a document from a template and store it as the next version. Safe to repeat: the same inputs give the same bytes,
 * blobs are stored by their hash, and a version belongs to its job, so a second attempt finds the first one's.
 */
export const generate = defineJob({
  name: "documents.generate",
  summary: "Render a PDF from a template and store it as the next version of a document.",
  queue: documents,
  payload,
  result,
  retry: exponential({ attempts: 4, firstMs: seconds(2), maxMs: minutes(1), jitter: 0.2 }),
  timeoutMs: minutes(1),
  threads: [renderThread],
  handler: () => import("./generate.handler.ts"),
});
