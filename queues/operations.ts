import { days, seconds } from "#core/duration.ts";
import { defineQueue } from "#core/queue.ts";

/** The house's own work: on Postgres, so that it goes on when Redis is gone. */
export const operations = defineQueue({
  name: "operations",
  engine: "postgres",
  durability: "ledger",
  order: "priority",
  runsIn: "loop",
  concurrency: 4,
  leaseMs: seconds(30),
  maxStalled: 3,
  rateLimit: null,
  drainMs: seconds(20),
  keepCompletedMs: days(7),
  keepFailedMs: days(90),
});
