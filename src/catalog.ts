import { Catalog } from "#core/catalog.ts";
import { generate } from "#jobs/documents/generate.job.ts";
import { prune } from "#jobs/operations/prune.job.ts";
import { reconcile } from "#jobs/operations/reconcile.job.ts";
import { verifyDocuments } from "#jobs/operations/verify-documents.job.ts";
import { compute } from "#jobs/reports/compute.job.ts";
import { planReports } from "#jobs/reports/plan.job.ts";
import { reports as reportList } from "#jobs/reports/report-list.ts";
import { documents } from "#queues/documents.ts";
import { operations } from "#queues/operations.ts";
import { reports } from "#queues/reports.ts";

/** Every job, queue and report of this installation: the one file of `src` that imports jobs. A new job is a line here. */
export const catalog = new Catalog(
  [generate, prune, reconcile, verifyDocuments, compute, planReports],
  [documents, operations, reports],
  reportList,
);
