import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { Log } from "#core/handler.ts";
import { catalog } from "../src/catalog.ts";
import { startServers } from "../src/embedded/servers.ts";
import { Database } from "../src/ledger/database.ts";
import { isMigrated, migrate } from "../src/ledger/migrate.ts";
import { type ScheduleRow, Schedules } from "../src/ledger/schedules.ts";
import { createLog } from "../src/observability/log.ts";
import { readEnvironment } from "../src/process.ts";
import { localTime } from "../src/scheduler/local-time.ts";
import { wordsOf } from "../src/scheduler/shown.ts";
import { openStores } from "../src/stores.ts";
import { measure } from "./schedules/measure.ts";
import { prove } from "./schedules/prove.ts";
import { simulate } from "./schedules/simulate.ts";

const usage = `Schedules: what there is, what a year of it comes to, and whether it holds.

  npm run schedules                      all schedules with their next ticks
  npm run schedules -- --simulate 2027   a year's count of each, and every tick that a gap or a repeat of the clock decided
  npm run schedules -- --prove           1,000 schedules of each second for 60 s, one scheduler killed, one stopped: counts
  npm run schedules -- --measure         what 100,000 schedules cost, and how late one tick is on an idle scheduler

  --schedules, --seconds                 other sizes for --prove and --measure

--prove and --measure start servers of their own, and leave nothing behind.
`;

/** Stored schedules, or those that the code declares when no scheduler has stored them yet. */
async function stored(): Promise<
  readonly Pick<ScheduleRow, "tenant" | "name" | "rule" | "next" | "pausedWhy" | "fired" | "job">[]
> {
  const env = readEnvironment();
  const log = createLog({ level: "warn", process: "schedules", pretty: process.stdout.isTTY === true });
  const stores = await openStores(env, log);
  const database = new Database({ connectionString: stores.databaseUrl, name: "nightshift schedules", max: 2, log });
  try {
    if (!env.databaseUrl) await migrate(database);
    else if (!(await isMigrated(database)))
      throw new Error("Expected a migrated database: run `npm run release` first");
    const found: ScheduleRow[] = [];
    for (let after: readonly [string, string] | undefined; ; ) {
      const page = await new Schedules(database.schema).list(database, { tenant: null, after, limit: 1_000 });
      found.push(...page);
      const last = page.at(-1);
      if (!last || page.length < 1_000) break;
      after = [last.tenant, last.name];
    }
    if (found.length > 0) return found;
    return catalog.schedules.map(({ name, rule, job }) => ({
      tenant: "*",
      name,
      rule: { ...rule, timeZone: rule.timeZone ?? env.timeZone },
      job: job.name,
      next: null,
      pausedWhy: null,
      fired: 0,
    }));
  } finally {
    await database.stop();
    await stores.stop();
  }
}

async function list(): Promise<void> {
  for (const { tenant, name, rule, next, pausedWhy, job } of await stored()) {
    const when =
      pausedWhy !== null ? `paused (${pausedWhy})` : next ? localTime(next.tick, rule.timeZone) : "not planned";
    console.log(`${tenant}/${name}  →  ${job}\n  ${wordsOf(rule)}\n  next: ${when}`);
  }
}

async function printYear(year: number): Promise<void> {
  for (const { tenant, name, rule, fired } of await stored()) {
    const { ticks, decided } = simulate(rule, year, fired);
    console.log(`${tenant}/${name}  ${ticks.toLocaleString("en")} ticks in ${year}  (${wordsOf(rule)})`);
    for (const { note, local, utc } of decided) console.log(`  ${note.padEnd(6)}  ${local}  ${utc}`);
  }
}

/** Real servers in a directory of their own, for as long as `work` takes. */
async function onOwnServers<T>(work: (stores: { databaseUrl: string; redisUrl: string }) => Promise<T>): Promise<T> {
  const log: Log = createLog({ level: "warn", process: "schedules", pretty: true });
  const dataDir = mkdtempSync(join(tmpdir(), "nightshift-schedules-"));
  const servers = await startServers({ dataDir, temporary: true, want: { redis: true, postgres: true }, log });
  try {
    return await work({ databaseUrl: servers.databaseUrl!, redisUrl: servers.redisUrl! });
  } finally {
    await servers.stop();
  }
}

function wholeNumber(name: string, given: string | undefined, fallback: number): number {
  const value = given === undefined ? fallback : Number(given);
  if (Number.isInteger(value) && value > 0) return value;
  throw new RangeError(`Expected ${name} to be a whole number above 0, found "${given}"`);
}

const text = { type: "string" } as const;
const flag = { type: "boolean", default: false } as const;
const options = { simulate: text, prove: flag, measure: flag, schedules: text, seconds: text, help: flag } as const;

try {
  const { values } = parseArgs({ options });
  const say = (line: string) => console.log(`… ${line}`);
  const size = (schedules: number, seconds: number) => ({
    schedules: wholeNumber("--schedules", values.schedules, schedules),
    seconds: wholeNumber("--seconds", values.seconds, seconds),
    say,
  });
  if (values.help) process.stdout.write(usage);
  else if (values.simulate !== undefined) await printYear(wholeNumber("--simulate", values.simulate, 2_027));
  else if (values.prove) {
    const proof = await onOwnServers((stores) => prove({ ...stores, ...size(1_000, 60) }));
    console.log(`ticks ${proof.ticks}, jobs ${proof.jobs}, missing ${proof.missing}, double ${proof.double}`);
    console.log(
      `late by (ms): p50 ${proof.lateMs.p50.toFixed(1)}, p99 ${proof.lateMs.p99.toFixed(1)}, max ${proof.lateMs.max.toFixed(1)}`,
    );
    if (proof.missing > 0 || proof.double > 0 || proof.jobs !== proof.ticks) process.exitCode = 1;
  } else if (values.measure) {
    console.log(JSON.stringify(await onOwnServers((stores) => measure({ ...stores, ...size(100_000, 60) })), null, 2));
  } else await list();
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
}
