import { Catalog } from "#core/catalog.ts";
import { extract } from "#jobs/ai/extract.job.ts";
import { respond } from "#jobs/ai/respond.job.ts";
import { generate } from "#jobs/documents/generate.job.ts";
import { prune } from "#jobs/operations/prune.job.ts";
import { pruneHourly } from "#jobs/operations/prune.schedule.ts";
import { reconcile } from "#jobs/operations/reconcile.job.ts";
import { reconcileEachMinute } from "#jobs/operations/reconcile.schedule.ts";
import { verifyDocuments } from "#jobs/operations/verify-documents.job.ts";
import { verifyDocumentsNightly } from "#jobs/operations/verify-documents.schedule.ts";
import { deliver } from "#jobs/reminders/deliver.job.ts";
import { sweep } from "#jobs/reminders/sweep.job.ts";
import { sweepEachMinute } from "#jobs/reminders/sweep.schedule.ts";
import { compute } from "#jobs/reports/compute.job.ts";
import { deliver as deliverReport } from "#jobs/reports/deliver.job.ts";
import { planReports } from "#jobs/reports/plan.job.ts";
import { planEachFiveMinutes } from "#jobs/reports/plan.schedule.ts";
import { reports as reportList } from "#jobs/reports/report-list.ts";
import { ai } from "#queues/ai.ts";
import { documents } from "#queues/documents.ts";
import { operations } from "#queues/operations.ts";
import { reminders } from "#queues/reminders.ts";
import { reports } from "#queues/reports.ts";

/** Every job, queue, declared schedule and report of this installation: the one file of `src` that imports jobs. A new job is a line here. */
export const catalog = new Catalog(
  [extract, respond, generate, prune, reconcile, verifyDocuments, deliver, sweep, compute, deliverReport, planReports],
  [ai, documents, operations, reminders, reports],
  [pruneHourly, reconcileEachMinute, verifyDocumentsNightly, sweepEachMinute, planEachFiveMinutes],
  reportList,
);
