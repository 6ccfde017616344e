import { hours, seconds } from "#core/duration.ts";
import { defineQueue } from "#core/queue.ts";

/** Short, so that a run of a minute sees leases end and be taken over many times. */
export const leaseMs = seconds(4);

const common = {
  durability: "ledger",
  runsIn: "loop",
  concurrency: 8,
  leaseMs,
  maxStalled: 20, // the chaos takes a job from its worker more often than a bad handler would
  rateLimit: null,
  drainMs: seconds(3),
  keepCompletedMs: hours(6),
  keepFailedMs: hours(6),
} as const;

export const onRedis = defineQueue({ ...common, name: "chaos-redis", engine: "redis", order: "priority" });
export const inOrder = defineQueue({ ...common, name: "chaos-fifo", engine: "redis", order: "fifo" });
export const onPostgres = defineQueue({ ...common, name: "chaos-postgres", engine: "postgres", order: "priority" });
