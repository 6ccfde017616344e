import { tmpdir } from "node:os";
import { systemClock } from "#core/clock.ts";
import { createLog } from "../../src/observability/log.ts";
import { Runtime } from "../../src/runtime.ts";
import { Scheduler } from "../../src/scheduler/scheduler.ts";
import { proofCatalog } from "./work.ts";

/** A scheduler process of a proof: what `src/bin/scheduler.ts` starts, with the proof's catalog. Arguments: stores and schema. */
const [databaseUrl, redisUrl, schema] = process.argv.slice(2);
const log = createLog({ level: "warn", process: "scheduler", pretty: false });
const runtime = new Runtime({
  catalog: proofCatalog,
  databaseUrl: databaseUrl!,
  redisUrl: redisUrl!,
  schema: schema!,
  redisPrefix: schema!,
  blobUrl: `file:${tmpdir()}`,
  clock: systemClock,
  log,
  process: "scheduler",
  keepsHouse: true,
});
await runtime.start();
const began = performance.now();
const scheduler = new Scheduler({ ...runtime, timeZone: "UTC", log });
await scheduler.start();
process.send?.({ ready: true, startMs: performance.now() - began });
process.on("message", () => process.send?.({ rssMb: process.memoryUsage().rss / 2 ** 20 }));
process.on("SIGTERM", () => {
  scheduler
    .stop(5_000)
    .then(() => runtime.stop())
    .finally(() => process.exit());
});
process.on("disconnect", () => process.exit());
