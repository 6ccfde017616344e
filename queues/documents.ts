import { availableParallelism } from "node:os";
import { days, seconds } from "#core/duration.ts";
import { defineQueue } from "#core/queue.ts";

/** PDF rendering: bound by the processor, so as many slots as cores, and threads, so that leases are renewed on time. */
export const documents = defineQueue({
  name: "documents",
  engine: "redis",
  durability: "ledger",
  order: "priority",
  runsIn: "thread",
  concurrency: Math.min(availableParallelism(), 8), // beyond 8 threads a second worker process scales better
  leaseMs: seconds(5), // renewed from an idle loop, so short is safe: a killed worker's documents go on within 9 s
  maxStalled: 2, // a worker killed twice in the middle of one document is worth a look before a third try
  rateLimit: null,
  drainMs: seconds(20),
  keepCompletedMs: days(30),
  keepFailedMs: days(90),
});
