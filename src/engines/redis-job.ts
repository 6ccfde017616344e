import type { Job, JobsOptions } from "bullmq";
import type { ErrorSummary } from "#core/errors.ts";
import type { QueueDefinition } from "#core/queue.ts";
import type { Delivery, Message } from "./engine.ts";

/** What travels through Redis: the payload only where Redis is the record. */
export interface RedisJobData {
  readonly tenant: string;
  readonly attempts: number;
  readonly payload?: unknown;
  readonly payloadVersion?: number;
  readonly deduplicationKey?: string;
  readonly traceparent?: string;
  /** Epoch ms at which its last delay ended or ends; absent before the first retry or snooze. */
  readonly dueAt?: number;
}

/**
 * BullMQ runs jobs without a priority before all others, so where priorities count every job carries one; 1 runs first. Where
 * they do not, none does: a list is quicker than a sorted set.
 */
export const priorityNumbers = { high: 1, normal: 2, low: 3 } as const;

/** A message as BullMQ takes it into a queue of that order. */
export function toBullJob(
  message: Message,
  order: QueueDefinition["order"],
): { name: string; data: RedisJobData; opts: JobsOptions } {
  const { payload, payloadVersion, deduplicationKey, traceparent, tenant, attempts } = message;
  const data: RedisJobData = {
    tenant,
    attempts,
    ...(payload !== undefined && { payload }),
    ...(payloadVersion !== undefined && { payloadVersion }),
    ...(deduplicationKey !== undefined && { deduplicationKey }),
    ...(traceparent !== undefined && { traceparent }),
  };
  const opts: JobsOptions = {
    jobId: message.id,
    attempts,
    timestamp: message.acceptedAt,
  };
  if (order === "priority") opts.priority = priorityNumbers[message.priority];
  if (message.delayMs > 0) opts.delay = message.delayMs;
  if (deduplicationKey !== undefined) opts.deduplication = { id: `${tenant}/${message.job}/${deduplicationKey}` };
  return { name: message.job, data, opts };
}

/**
 * What BullMQ reads off a job when it fails. It would travel with every message and be parsed with it; the same for all, it is
 * put on by who takes the job. The delay comes with the verdict, computed by the job's retry policy; stacks belong to the
 * log, here they would outlive the deploy and could name people.
 */
export function governFailure({ opts }: Pick<Job<RedisJobData>, "opts">): void {
  opts.backoff = byVerdict;
  opts.stackTraceLimit = 0;
}

const byVerdict = { type: "custom" } as const;

/** The message a BullMQ job was made from. */
export function toMessage(job: Job<RedisJobData>): Delivery["message"] {
  const { tenant, attempts, payload, payloadVersion, deduplicationKey, traceparent } = job.data;
  return {
    id: job.id!,
    job: job.name,
    tenant,
    attempts,
    acceptedAt: job.timestamp,
    ...(payload !== undefined && { payload }),
    ...(payloadVersion !== undefined && { payloadVersion }),
    ...(deduplicationKey !== undefined && { deduplicationKey }),
    ...(traceparent !== undefined && { traceparent }),
  };
}

/** BullMQ keeps one string per failure; ours is `code: message`. */
export function formatReason(error: ErrorSummary): string {
  return `${error.code}: ${error.message}`;
}

/** The text of BullMQ's own verdict on a job that lost its worker too often (`moveStalledJobsToWait` script). */
const stalledReason = "job stalled more than allowable limit";

export function parseReason(reason: string): ErrorSummary {
  if (reason === stalledReason)
    return { code: "stalled", message: "Lost its worker more often than maxStalled allows" };
  const match = /^([a-z0-9_]+): (.*)$/s.exec(reason);
  return match ? { code: match[1]!, message: match[2]! } : { code: "engine_error", message: reason };
}
