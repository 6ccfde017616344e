import { systemClock } from "#core/clock.ts";
import { catalog } from "../catalog.ts";
import { migrate } from "../ledger/migrate.ts";
import { createLog } from "../observability/log.ts";
import { readEnvironment } from "../process.ts";
import { Runtime } from "../runtime.ts";
import { openStores } from "../stores.ts";

/** Run once per deploy, before the processes: brings our schema and pg-boss's to this release. Safe to repeat. */
const env = readEnvironment();
const log = createLog({ level: env.logLevel, process: "release", pretty: process.stdout.isTTY === true });
const stores = await openStores(env, log);
const runtime = new Runtime({
  catalog,
  databaseUrl: stores.databaseUrl,
  redisUrl: stores.redisUrl,
  blobUrl: env.blobUrl,
  clock: systemClock,
  log,
  process: "release",
  keepsHouse: false,
});
try {
  const applied = await migrate(runtime.database);
  await runtime.postgres.start(runtime.queuesOn("postgres"));
  log.info({ applied }, "schema.migrated");
} finally {
  await runtime.stop();
  await stores.stop();
}
