import { days, seconds } from "#core/duration.ts";
import { defineQueue } from "#core/queue.ts";

/** Messages to people: waits on mail and chat servers, so many slots per worker. */
export const reminders = defineQueue({
  name: "reminders",
  engine: "redis",
  durability: "ledger",
  order: "priority",
  runsIn: "loop",
  concurrency: 20,
  leaseMs: seconds(30),
  maxStalled: 2, // a killed worker's message is looked at again: it is held or repeated, by its channel
  rateLimit: null, // a server that is asked too much says so, and is waited for (Retry-After)
  drainMs: seconds(20),
  keepCompletedMs: days(7), // the deliveries themselves are kept
  keepFailedMs: days(90),
});
