import { days, seconds } from "#core/duration.ts";
import { defineQueue } from "#core/queue.ts";

/** Computations of reports: they wait on Postgres, and every slot is a query that somebody else's queries compete with. */
export const reports = defineQueue({
  name: "reports",
  engine: "redis",
  durability: "ledger", // a reader who was told 202 follows a row, also when Redis is lost meanwhile
  order: "priority",
  runsIn: "loop",
  concurrency: 4, // as many connections of the reports' own pool
  leaseMs: seconds(5), // a killed worker's computation goes on elsewhere within 9 s: readers wait for it
  maxStalled: 2,
  rateLimit: null,
  drainMs: seconds(20),
  keepCompletedMs: days(1), // refreshes are many, and their results are kept apart
  keepFailedMs: days(30),
});
