import { Catalog } from "#core/catalog.ts";
import { extract } from "#jobs/ai/extract.job.ts";
import { respond } from "#jobs/ai/respond.job.ts";
import { generate } from "#jobs/documents/generate.job.ts";
import { prune } from "#jobs/operations/prune.job.ts";
import { reconcile } from "#jobs/operations/reconcile.job.ts";
import { verifyDocuments } from "#jobs/operations/verify-documents.job.ts";
import { ai } from "#queues/ai.ts";
import { documents } from "#queues/documents.ts";
import { operations } from "#queues/operations.ts";

/** Every job and queue of this installation: the one file of `src` that imports jobs. A new job is a line here. */
export const catalog = new Catalog(
  [extract, respond, generate, prune, reconcile, verifyDocuments],
  [ai, documents, operations],
);
