import express from "express";
import helmet from "helmet";
import type { AiServices } from "#core/ai.ts";
import type { Catalog } from "#core/catalog.ts";
import type { Clock } from "#core/clock.ts";
import type { Log } from "#core/handler.ts";
import type { ReportMeter } from "#core/meters.ts";
import type { QueueDefinition } from "#core/queue.ts";
import type { BlobStore, DocumentStore, Reports } from "#core/services.ts";
import packageJson from "../../package.json" with { type: "json" };
import { Audit } from "../access/audit.ts";
import type { KeyStore } from "../access/keys.ts";
import type { Engine } from "../engines/engine.ts";
import { Batches } from "../ledger/batches.ts";
import type { Database } from "../ledger/database.ts";
import type { Incidents } from "../ledger/incidents.ts";
import type { JobReader } from "../ledger/job-reader.ts";
import { BatchProducer } from "../producer/batch-producer.ts";
import type { Cancellation } from "../producer/cancellation.ts";
import type { JobLookup } from "../producer/job-lookup.ts";
import type { Producer } from "../producer/producer.ts";
import type { QueueSettings } from "../producer/queue-settings.ts";
import type { Redrive } from "../producer/redrive.ts";
import type { Reminders } from "../reminders/reminders.ts";
import type { ReportCache } from "../reports/cache.ts";
import type { ReportPlanner } from "../reports/planner.ts";
import type { ReportPrints } from "../reports/prints.ts";
import type { ReadCounter } from "../reports/read-counter.ts";
import { ReportReader } from "../reports/reader.ts";
import type { ReportRecipients } from "../reports/recipients.ts";
import type { ReportResults } from "../reports/results.ts";
import { ScheduleRegistry } from "../scheduler/registry.ts";
import { authenticator } from "./authenticate.ts";
import type { DraftWatch } from "./draft-watch.ts";
import { Idempotency } from "./idempotency.ts";
import type { JobWatch } from "./job-watch.ts";
import { notFound } from "./not-found.ts";
import { openapi } from "./openapi.ts";
import { mount, type Operation } from "./operation.ts";
import { problemHandler } from "./problem.ts";
import { mountReference } from "./reference.ts";
import { requestLog } from "./request-log.ts";
import { aiBudgetRoutes } from "./routes/ai-budgets.ts";
import { aiCallsRoute } from "./routes/ai-calls.ts";
import { batchRoutes } from "./routes/batches.ts";
import { calendarRoutes } from "./routes/calendars.ts";
import { documentContentRoute } from "./routes/document-content.ts";
import { documentRoutes } from "./routes/documents.ts";
import { enqueueRoute } from "./routes/enqueue.ts";
import { enqueueManyRoute } from "./routes/enqueue-many.ts";
import { type Health, healthRoutes, type MetricsPage } from "./routes/health.ts";
import { incidentsRoute } from "./routes/incidents.ts";
import { cancelJobRoute, getJobRoute, redriveJobRoute } from "./routes/job.ts";
import { jobEventsRoute } from "./routes/job-events.ts";
import { jobTypesRoute } from "./routes/job-types.ts";
import { listJobsRoute } from "./routes/list-jobs.ts";
import { obligationActionRoutes } from "./routes/obligation-actions.ts";
import { obligationRoutes } from "./routes/obligations.ts";
import { queueRoutes } from "./routes/queues.ts";
import { reminderRoutes } from "./routes/reminders.ts";
import { reportRoute } from "./routes/report.ts";
import { reportPlanRoute } from "./routes/report-plan.ts";
import { reportRecipientRoutes } from "./routes/report-recipients.ts";
import { reportRoutes } from "./routes/reports.ts";
import { scheduleSteeringRoutes } from "./routes/schedule-steering.ts";
import { scheduleTickRoutes } from "./routes/schedule-ticks.ts";
import { scheduleRoutes } from "./routes/schedules.ts";

export interface AppOptions {
  readonly catalog: Catalog;
  readonly database: Database;
  readonly producer: Producer;
  readonly reader: JobReader;
  readonly incidents: Incidents;
  readonly settings: QueueSettings;
  readonly engineOf: (queue: QueueDefinition) => Engine;
  readonly lookup: JobLookup;
  readonly cancellation: Cancellation;
  readonly redrive: Redrive;
  readonly keys: Pick<KeyStore, "verify">;
  readonly documents: DocumentStore;
  readonly blobs: BlobStore;
  readonly reminders: Reminders;
  readonly ai: Pick<AiServices, "calls" | "budgets" | "drafts">;
  readonly reports: {
    readonly cache: ReportCache;
    readonly results: ReportResults;
    readonly planner: Pick<ReportPlanner, "plan">;
    readonly counter: ReadCounter;
    readonly service: Pick<Reports, "invalidate">;
    readonly meter: ReportMeter;
    readonly prints: ReportPrints;
    readonly recipients: ReportRecipients;
  };
  readonly clock: Clock;
  readonly health: Health;
  readonly metrics: MetricsPage;
  readonly watch: JobWatch;
  readonly draftWatch: DraftWatch;
  readonly log: Log;
}

/** The HTTP API of `/v1`, its description and its health. `ApiServer` makes it listen. */
export function createApp(options: AppOptions): express.Express {
  const { log } = options;
  const authenticate = authenticator(options.keys);
  const batches = new Batches(options.database);
  const audit = new Audit(options.database);
  const deps = {
    ...options,
    ...options.ai,
    queues: options.catalog.queues,
    authenticate,
    audit,
    scheduleRegistry: new ScheduleRegistry({ ...options, audit }),
    idempotency: new Idempotency(options),
    batches,
    planner: options.reports.planner,
    reportReader: new ReportReader({
      ...options,
      ...options.reports,
      follow: (tenant, jobId, signal) => options.watch.follow(tenant, jobId, signal),
    }),
    batchProducer: new BatchProducer(options.producer, batches),
  };
  const operations: Operation[] = [
    enqueueRoute(deps),
    enqueueManyRoute(deps),
    ...batchRoutes(deps),
    jobTypesRoute(deps),
    getJobRoute(deps),
    jobEventsRoute(deps),
    listJobsRoute(deps),
    cancelJobRoute(deps),
    redriveJobRoute(deps),
    ...queueRoutes(deps),
    ...scheduleRoutes(deps),
    ...scheduleSteeringRoutes(deps),
    ...scheduleTickRoutes(deps),
    ...documentRoutes(deps),
    documentContentRoute(deps),
    ...obligationRoutes(deps),
    ...obligationActionRoutes(deps),
    ...calendarRoutes(deps),
    ...reminderRoutes(deps),
    aiCallsRoute(deps),
    ...aiBudgetRoutes(deps),
    ...reportRoutes(deps),
    reportPlanRoute(deps),
    ...reportRecipientRoutes(deps),
    reportRoute(deps),
    incidentsRoute(deps),
    ...healthRoutes(deps),
  ];

  const app = express();
  app.disable("x-powered-by");
  app.disable("etag"); // hashing every answer helps nobody: documents have the hash of their content
  app.enable("case sensitive routing");
  app.use(requestLog(log), securityHeaders());
  for (const operation of operations) mount(app, operation, authenticate);
  const reference = mountReference(app, openapi(operations, packageJson.version));
  app.use(notFound([...operations, ...reference]));
  app.use(problemHandler(log));
  return app;
}

/**
 * Helmet's defaults with a narrower policy: nothing from elsewhere, no inline code, no frames. Without
 * `upgrade-insecure-requests`, which would break /docs where TLS ends at a proxy or is not there at all.
 */
function securityHeaders(): express.RequestHandler {
  const secure = helmet({
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'none'"],
        scriptSrc: ["'self'"],
        styleSrc: ["'self'"],
        imgSrc: ["'self'", "data:"],
        connectSrc: ["'self'"],
        baseUri: ["'none'"],
        formAction: ["'none'"],
        frameAncestors: ["'none'"],
      },
    },
  });
  return (req, res, next) => {
    res.setHeader("Cache-Control", "no-store");
    secure(req, res, next);
  };
}
