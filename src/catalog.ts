import { Catalog } from "#core/catalog.ts";
import { generate } from "#jobs/documents/generate.job.ts";
import { prune } from "#jobs/operations/prune.job.ts";
import { reconcile } from "#jobs/operations/reconcile.job.ts";
import { verifyDocuments } from "#jobs/operations/verify-documents.job.ts";
import { deliver } from "#jobs/reminders/deliver.job.ts";
import { sweep } from "#jobs/reminders/sweep.job.ts";
import { documents } from "#queues/documents.ts";
import { operations } from "#queues/operations.ts";
import { reminders } from "#queues/reminders.ts";

/** Every job and queue of this installation: the one file of `src` that imports jobs. A new job is a line here. */
export const catalog = new Catalog(
  [generate, prune, reconcile, verifyDocuments, deliver, sweep],
  [documents, operations, reminders],
);
