import { z } from "zod";
import { Catalog } from "#core/catalog.ts";
import { systemClock } from "#core/clock.ts";
import { hours, seconds } from "#core/duration.ts";
import type { Handler, Log } from "#core/handler.ts";
import { defineJob, type JobDefinition } from "#core/job.ts";
import { defineQueue, type QueueDefinition } from "#core/queue.ts";
import { fixed } from "#core/retry.ts";
import { createLog } from "../../src/observability/log.ts";
import { Metrics } from "../../src/observability/metrics.ts";
import { Runtime, type RuntimeOptions } from "../../src/runtime.ts";
import type { AttemptEnd } from "../../src/worker/attempt.ts";
import { WorkerHost } from "../../src/worker/host.ts";
import { attempts, keepCompletedMs, retryDelayMs } from "./job.ts";
import type { Addresses } from "./stage.ts";

/** Nightshift as its processes run it: default log level, metrics fed, nothing switched off. */

export const tenant = "acme";

export type Durability = QueueDefinition["durability"];
export type Order = QueueDefinition["order"];

const payload = z.strictObject({
  obligationId: z.uuid(),
  organisationId: z.uuid(),
  documentId: z.uuid(),
  requestedBy: z.uuid(),
  dueOn: z.iso.date(),
});

/**
 * The job that all measures of queueing run: nothing to do, `handle` only notes that it was there. In the order of arrival,
 * as the plain libraries run theirs, unless it is said otherwise.
 */
export function benchJob({
  durability,
  order = "fifo",
  concurrency,
  handle = async () => undefined,
}: {
  readonly durability: Durability;
  readonly order?: Order | undefined;
  readonly concurrency: number;
  readonly handle?: Handler<z.output<typeof payload>>;
}): JobDefinition<typeof payload> {
  const queue = defineQueue({
    name: `bench-${durability}`,
    engine: "redis",
    durability,
    order,
    runsIn: "loop",
    concurrency,
    leaseMs: seconds(30), // BullMQ's default
    maxStalled: 1,
    rateLimit: null,
    drainMs: seconds(5),
    keepCompletedMs,
    keepFailedMs: hours(1),
  });
  return defineJob({
    name: `bench.note-${durability}`,
    summary: "A job of the bench.",
    queue,
    payload,
    result: z.unknown(),
    retry: fixed({ attempts, delayMs: retryDelayMs }),
    timeoutMs: seconds(30),
    handler: () => Promise.resolve({ handle }),
  });
}

/** The same database, for a process whose commits are answered before they are on disk: what of a figure is the disk's. */
export function notWaitingForDisk(databaseUrl: string): string {
  const url = new URL(databaseUrl);
  url.searchParams.set("options", "-c synchronous_commit=off");
  return url.href;
}

/** A runtime with the log and the metrics of a production process. Start it yourself. */
export function startNightshift(
  options: Addresses &
    Pick<RuntimeOptions, "schema" | "ai"> & { jobs: readonly JobDefinition[]; process: string; catalog?: Catalog },
): Runtime & { readonly metrics: Metrics } {
  const { jobs } = options;
  const log = createLog({ level: "info", process: options.process, pretty: false });
  const metrics = new Metrics({ log });
  const runtime = new Runtime({
    catalog: options.catalog ?? new Catalog(jobs, [...new Set(jobs.map((job) => job.queue))]),
    databaseUrl: options.databaseUrl,
    redisUrl: options.redisUrl,
    ...(options.schema !== undefined && { schema: options.schema }),
    ...(options.ai && { ai: options.ai }),
    blobUrl: options.blobUrl,
    clock: systemClock,
    log,
    process: options.process,
    keepsHouse: false,
    onAccepted: (receipt) => metrics.accepted(receipt),
  });
  return Object.assign(runtime, { metrics });
}

/** Serve all queues of a runtime, or some, as a worker process does. */
export async function startWorker(
  nightshift: Runtime & { readonly metrics: Metrics },
  options: { readonly queues?: readonly QueueDefinition[]; readonly onEnd?: (end: AttemptEnd) => void } = {},
): Promise<WorkerHost> {
  const host = new WorkerHost({
    ...nightshift.workerOptions(options.queues ?? nightshift.catalog.queues),
    onEnd: (end) => {
      nightshift.metrics.attemptEnded(end);
      options.onEnd?.(end);
    },
  });
  await host.start();
  return host;
}

export type { Log };
