import { systemClock } from "#core/clock.ts";
import type { Log } from "#core/handler.ts";
import { catalog } from "./catalog.ts";
import { bootstrapKey } from "./config/bootstrap-key.ts";
import { type Environment, InvalidEnvironment, parseEnv } from "./config/env.ts";
import { impatient } from "./ledger/database.ts";
import { isMigrated, migrate } from "./ledger/migrate.ts";
import { FamilyMeters } from "./observability/family-meters.ts";
import { Health, postgresProbe } from "./observability/health.ts";
import { createLog } from "./observability/log.ts";
import { type MetricSources, Metrics } from "./observability/metrics.ts";
import { Runtime } from "./runtime.ts";
import { readPrices } from "./services/ai/prices.ts";
import { openStores } from "./stores.ts";
import { DrainOverran } from "./worker/drain-overran.ts";

/** A long-lived thing of a process. */
export interface Part {
  start(): Promise<void>;
  stop(deadlineMs: number): Promise<void>;
}

/** What a process is built from. */
export interface Foundation {
  readonly env: Environment;
  readonly log: Log;
  readonly runtime: Runtime;
  readonly metrics: Metrics;
  readonly health: Health;
  readonly apiKey: string | undefined;
}

const exitCodes = { ok: 0, failed: 1, badSetup: 78, overran: 75 } as const; // sysexits: EX_CONFIG, EX_TEMPFAIL

/**
 * Run one kind of process: read the environment, connect, start the parts in order; at SIGTERM or SIGINT stop them in
 * reverse within `DRAIN_MS`. Exit codes: 0 stopped as asked, 1 a part failed to start, 75 the drain overran its deadline,
 * 78 the environment or the database schema is not fit.
 */
export async function runProcess(options: {
  name: "api" | "worker" | "scheduler" | "dashboard";
  sources?: (runtime: Runtime) => MetricSources;
  parts: (foundation: Foundation) => readonly Part[];
}): Promise<void> {
  const { name } = options;
  const env = readEnvironment();
  const log = createLog({ level: env.logLevel, process: name, pretty: process.stdout.isTTY === true });
  const stopping = stopRequest();
  const running: Part[] = [];
  let code: number = exitCodes.ok;
  try {
    const laying = lay(name, env, log, stopping.signal, options.sources, (part) => running.push(part));
    const foundation = await unlessStopped(laying, stopping.signal);
    for (const part of options.parts(foundation)) {
      stopping.signal.throwIfAborted();
      running.push(part); // before it starts: a part that failed half-way is stopped like the others
      await unlessStopped(part.start(), stopping.signal);
    }
    log.info({}, "process.ready");
    process.send?.({ ready: true });
    await stopping.asked;
  } catch (error) {
    if (!stopping.signal.aborted) {
      const unfit = error instanceof SchemaNotReady;
      log.error(unfit ? { error: error.message } : { err: error }, "process.failed");
      code = unfit ? exitCodes.badSetup : exitCodes.failed;
    }
  }
  log.info({ deadlineMs: env.drainMs }, "process.stopping");
  const stopped = await stopAll(running.reverse(), env.drainMs, log);
  log.info({}, "process.stopped");
  // Nothing may keep the process now: what is left after the deadline is cut off with it.
  process.exit(stopped || code !== exitCodes.ok ? code : exitCodes.overran);
}

/** The environment, or the end of the process with every problem on standard error. */
export function readEnvironment(): Environment {
  try {
    return parseEnv(process.env);
  } catch (error) {
    if (!(error instanceof InvalidEnvironment)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exit(exitCodes.badSetup);
  }
}

class SchemaNotReady extends Error {
  constructor() {
    super(
      "Expected a migrated database, found one with migrations missing. Run `npm run release` once per deploy, before the processes.",
    );
  }
}

/** Servers, schema, connections: what every process stands on. `keep` is told of each thing that must be stopped again. */
async function lay(
  name: string,
  env: Environment,
  log: Log,
  signal: AbortSignal,
  sources: ((runtime: Runtime) => MetricSources) | undefined,
  keep: (part: Part) => void,
): Promise<Foundation> {
  const embedded = !env.databaseUrl || !env.redisUrl;
  const stores = await openStores(env, log, signal);
  keep({ start: async () => undefined, stop: () => stores.stop() });

  let metrics: Metrics | undefined;
  const families = new FamilyMeters();
  const runtime = new Runtime({
    catalog,
    databaseUrl: stores.databaseUrl,
    redisUrl: stores.redisUrl,
    blobUrl: env.blobUrl,
    channels: env.channels,
    holidaysDir: env.holidaysDir,
    ai: { providers: env.aiProviders, dailyMicros: env.aiDailyMicros, prices: readPrices(env.aiPricesFile) },
    clock: systemClock,
    log,
    process: name,
    keepsHouse: name === "scheduler",
    patience: name === "api" || name === "dashboard" ? impatient : {},
    onAccepted: (receipt) => metrics?.accepted(receipt),
    meters: families,
  });
  keep({ start: () => runtime.start(), stop: () => runtime.stop() });
  // Only our own Postgres is migrated without being asked: a shared one is changed by `release`, once per deploy.
  if (!env.databaseUrl) await migrate(runtime.database);
  else if (!(await isMigrated(runtime.database))) throw new SchemaNotReady();
  await runtime.start();
  metrics = new Metrics({ log, families, ...(sources && { sources: sources(runtime) }) });
  const health = new Health({
    postgres: postgresProbe(runtime.database),
    redis: () => runtime.redis.ping(),
  });
  const apiKey = env.apiKey ?? (embedded ? (await bootstrapKey(env.dataDir)).key : undefined);
  return { env, log, runtime, metrics, health, apiKey };
}

/** The first SIGTERM or SIGINT asks for a drain; a second SIGINT ends the process at once. */
function stopRequest(): { signal: AbortSignal; asked: Promise<void> } {
  const controller = new AbortController();
  const asked = new Promise<void>((resolve) => {
    const ask = () => {
      controller.abort(new Error("The process was asked to stop"));
      resolve();
    };
    process.on("SIGTERM", ask); // a second one changes nothing: process managers repeat themselves
    process.on("SIGINT", () => (controller.signal.aborted ? process.exit(130) : ask()));
    process.on("disconnect", ask); // the supervisor that started us is gone
  });
  return { signal: controller.signal, asked };
}

/** Wait for something that may take as long as a store is away, but not longer than we are wanted. */
async function unlessStopped<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise: stopped, reject } = Promise.withResolvers<never>();
  const stop = () => reject(signal.reason);
  if (signal.aborted) stop();
  signal.addEventListener("abort", stop, { once: true });
  try {
    return await Promise.race([work, stopped]);
  } finally {
    signal.removeEventListener("abort", stop);
    work.catch(() => undefined); // it may fail yet, when what it stands on is stopped
  }
}

/**
 * `false` when the deadline passed first, or a part had to leave work behind. A part that fails to stop does not keep the
 * others from stopping.
 */
async function stopAll(parts: readonly Part[], deadlineMs: number, log: Log): Promise<boolean> {
  const graceMs = 5_000; // closing connections after the last part has drained
  const until = Date.now() + deadlineMs;
  let timer: NodeJS.Timeout | undefined;
  const overrun = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), deadlineMs + graceMs);
  });
  let settled = true;
  const stopEach = async () => {
    for (const part of parts)
      await part.stop(Math.max(0, until - Date.now())).catch((err: unknown) => {
        if (err instanceof DrainOverran) settled = false;
        log.error({ err }, "part.stop_failed");
      });
    return settled;
  };
  return Promise.race([stopEach(), overrun]).finally(() => clearTimeout(timer));
}
