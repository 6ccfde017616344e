import { systemClock } from "#core/clock.ts";
import type { QueueReconciliation } from "#core/services.ts";
import { catalog } from "../src/catalog.ts";
import { isMigrated, migrate } from "../src/ledger/migrate.ts";
import { createLog } from "../src/observability/log.ts";
import { readEnvironment } from "../src/process.ts";
import { Runtime } from "../src/runtime.ts";
import { openStores } from "../src/stores.ts";

/**
 * `npm run reconcile`: one pass of reconciliation, now, and its table. What is mended is given to the relay, so that it runs
 * only while a scheduler does. Exit code 1: jobs are missing, or an engine did not answer.
 */
const env = readEnvironment();
const log = createLog({ level: "warn", process: "reconcile", pretty: process.stdout.isTTY === true });
const stores = await openStores(env, log);
const runtime = new Runtime({
  catalog,
  databaseUrl: stores.databaseUrl,
  redisUrl: stores.redisUrl,
  blobUrl: env.blobUrl,
  clock: systemClock,
  log,
  process: "reconcile",
  poolSize: 4,
  keepsHouse: false,
});

const columns = {
  queue: (line) => line.queue,
  checked: (line) => (line.reached ? line.checked : "not reached"),
  "sent again": (line) => line.sentAgain,
  "attempts lost": (line) => line.attemptsLost,
  buried: (line) => line.buried,
  removed: (line) => line.removed,
  accepted: (line) => line.accepted,
  completed: (line) => line.completed,
  dead: (line) => line.dead,
  cancelled: (line) => line.cancelled,
  expired: (line) => line.expired,
  open: (line) => line.open,
  missing: (line) => line.missing,
} satisfies Record<string, (line: QueueReconciliation) => string | number>;

function print(lines: readonly QueueReconciliation[]): void {
  const rows = lines.map((line) => Object.values(columns).map((cell) => cell(line).toLocaleString("en")));
  const table = [Object.keys(columns), ...rows];
  const widths = Object.keys(columns).map((_, column) => Math.max(...table.map((row) => row[column]!.length)));
  for (const row of table)
    console.log(row.map((cell, at) => (at === 0 ? cell.padEnd(widths[at]!) : cell.padStart(widths[at]!))).join("  "));
}

try {
  if (!env.databaseUrl) await migrate(runtime.database);
  else if (!(await isMigrated(runtime.database)))
    throw new Error("Expected a migrated database: run `npm run release` first");
  await runtime.start();
  const { queues, settingsApplied } = await runtime.reconciler.reconcile(new AbortController().signal);
  print(queues);
  if (settingsApplied.length > 0) console.log(`Paused or resumed again: ${settingsApplied.join(", ")}`);
  if (queues.some(({ missing, reached }) => missing !== 0 || !reached)) process.exitCode = 1;
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
} finally {
  await runtime.stop();
  await stores.stop();
}
