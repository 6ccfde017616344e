import { parseArgs } from "node:util";
import { minutes } from "#core/duration.ts";
import type { Log } from "#core/handler.ts";
import { startServers } from "../src/embedded/servers.ts";
import { Database } from "../src/ledger/database.ts";
import { isMigrated, migrate } from "../src/ledger/migrate.ts";
import { readEnvironment } from "../src/process.ts";
import { ReportResults } from "../src/reports/results.ts";
import { demoPeriod, seedDemo } from "./seed/demo-data.ts";

const usage = `Fill the tables of the demonstration reports "revenue" and "active-users".

  npm run seed
  npm run seed -- --scale 20

  --scale   how many times as many users and orders, 0.01 to 50. Default: 1

The same scale gives the same rows. What was there of the five demonstration tenants is replaced; nothing else is touched.
The database is that of DATABASE_URL, else the embedded one under NIGHTSHIFT_DATA_DIR.
`;

const badUsage = 64; // EX_USAGE of sysexits.h

const print = (text: string) => void process.stderr.write(`${text}\n`);
const log: Log = {
  debug() {},
  info() {},
  warn: (fields, event) => print(`${event} ${JSON.stringify(fields)}`),
  error: (fields, event) => print(`${event} ${JSON.stringify(fields)}`),
  child: () => log,
};

function readScale(args: readonly string[]): number | null {
  try {
    const { values } = parseArgs({ args: [...args], options: { scale: { type: "string", default: "1" } } });
    const scale = Number(values.scale);
    return scale >= 0.01 && scale <= 50 ? scale : null;
  } catch {
    return null;
  }
}

const scale = readScale(process.argv.slice(2));
if (scale === null) {
  print(`Expected --scale from 0.01 to 50, or nothing\n\n${usage}`);
  process.exit(badUsage);
}
const env = readEnvironment();
const servers = await startServers({ dataDir: env.dataDir, want: { redis: false, postgres: !env.databaseUrl }, log });
const database = new Database({
  connectionString: env.databaseUrl ?? servers.databaseUrl!,
  max: 1,
  name: "nightshift seed",
  patience: { statementMs: minutes(30) },
  log,
});
try {
  if (!env.databaseUrl) await migrate(database);
  else if (!(await isMigrated(database))) throw new Error("Expected a migrated database: run `npm run release` first");
  const seeded = await seedDemo(database, scale);
  const results = new ReportResults(database);
  for (const { tenant, orders, events, checksum } of seeded) {
    await results.invalidate(tenant, ["demo"]); // Redis learns of it from the planner, within five minutes
    process.stdout.write(
      `${tenant.padEnd(14)}${String(orders).padStart(9)} orders ${String(events).padStart(10)} events  ${checksum}\n`,
    );
  }
  print(`From ${demoPeriod.from} to ${demoPeriod.to}. Try GET /v1/reports/revenue?from=2026-10-01&to=2026-10-31`);
} catch (error) {
  print((error as Error).message);
  process.exitCode = 1;
} finally {
  await database.stop();
  await servers.stop();
}
