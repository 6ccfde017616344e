import { inject } from "vitest";
import { z } from "zod";
import { computeJob } from "#jobs/reports/compute.job.ts";
import { planReports } from "#jobs/reports/plan.job.ts";
import { reports as queue } from "#queues/reports.ts";
import { KeyStore } from "../../src/access/keys.ts";
import { ApiServer } from "../../src/api/server.ts";
import { systemClock } from "../../src/core/clock.ts";
import { hours } from "../../src/core/duration.ts";
import type { QueueDefinition } from "../../src/core/queue.ts";
import { defineReport, type ReportContext, type ReportDefinition, type ReportRow } from "../../src/core/report.ts";
import { Runtime } from "../../src/runtime.ts";
import { type Served, serve } from "../api/served.ts";
import { type Rig, startRig } from "../rig/rig.ts";

export const params = z.strictObject({
  n: z.coerce.number().int().min(0).max(1_000).default(1),
  word: z.string().max(20).optional(),
});
type Params = z.output<typeof params>;

/** A report of a test, and how often it was computed. */
export interface Counted {
  readonly report: ReportDefinition;
  readonly computations: { tenant: string; params: Params }[];
}

/** Answers one row: the tenant, its parameters, and `say` as it is at the moment. */
export function countedReport(
  overrides: Partial<ReportDefinition> & {
    work?: (params: Params, context: ReportContext) => Promise<unknown>;
    say?: () => string | number;
  } = {},
): Counted {
  const { work, say = () => "same", ...rest } = overrides;
  const computations: Counted["computations"] = [];
  const report = defineReport({
    name: "counted",
    title: "Counted",
    summary: "A report of a test.",
    version: 1,
    params,
    columns: [
      { name: "tenant", title: "Tenant", type: "text" },
      { name: "n", title: "N", type: "integer" },
      { name: "say", title: "Says", type: "text" },
    ],
    ttlMs: hours(6),
    staleMs: hours(6),
    async compute(given, context): Promise<readonly ReportRow[]> {
      computations.push({ tenant: context.tenant, params: given });
      await work?.(given, context);
      return [{ tenant: context.tenant, n: given.n, say: say() }];
    },
    ...(rest as object),
  });
  return { report, computations };
}

/** What a rig needs to compute these reports. */
export function reportRig(...reports: readonly ReportDefinition[]) {
  return { jobs: [computeJob(reports), planReports], queues: [queue, planReports.queue], reports };
}

export function serveReports(...reports: readonly ReportDefinition[]): Promise<Served> {
  return serve(reportRig(...reports));
}

export function rigOf(...reports: readonly ReportDefinition[]): Promise<Rig> {
  return startRig(reportRig(...reports));
}

/** Another process over the same stores, with an API of its own. */
export async function neighbour({ rig }: Served): Promise<AsyncDisposable & { url: string; runtime: Runtime }> {
  const { catalog, database, log } = rig.runtime;
  const runtime = new Runtime({
    catalog,
    databaseUrl: inject("databaseUrl"),
    redisUrl: inject("redisUrl"),
    schema: database.schema,
    redisPrefix: rig.prefix,
    blobUrl: `file:${rig.blobDir}`,
    clock: systemClock,
    log,
    process: "neighbour",
    poolSize: 8,
    keepsHouse: false,
  });
  await runtime.start();
  const { producer, reader, lookup, cancellation, redrive, listener, services, incidents, settings } = runtime;
  const { reports, reminders, clock } = runtime;
  const server = new ApiServer({
    ...{ catalog, producer, reader, lookup, cancellation, redrive, listener, log, incidents, settings },
    ...{ reports, reminders, clock, ai: services.ai },
    ...{ database: runtime.database, documents: services.documents, blobs: services.blobs },
    keys: new KeyStore(runtime.database, "bootstrap-key"),
    engineOf: (one: QueueDefinition) => runtime.engineOf(one),
    health: { checks: async () => [] },
    metrics: { contentType: "text/plain", text: async () => "" },
    host: "127.0.0.1",
    port: 0,
  });
  await server.start();
  return {
    url: server.url,
    runtime,
    async [Symbol.asyncDispose]() {
      await server.stop(2_000);
      await runtime.stop();
    },
  };
}
