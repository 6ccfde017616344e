import { days, seconds } from "#core/duration.ts";
import { defineQueue } from "#core/queue.ts";

/** Calls to model providers: they wait on the network, so many slots; the providers' limits are kept by the gate, not here. */
export const ai = defineQueue({
  name: "ai",
  engine: "redis",
  durability: "ledger",
  order: "priority",
  runsIn: "loop",
  concurrency: 50,
  leaseMs: seconds(10), // renewed from an idle loop: a killed worker's calls are taken up again within 15 s
  maxStalled: 3, // each stall may have cost a call: more than three is worth a look
  rateLimit: null,
  drainMs: seconds(20),
  keepCompletedMs: days(30),
  keepFailedMs: days(90),
});
