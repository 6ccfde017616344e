import { tmpdir } from "node:os";
import { Catalog } from "#core/catalog.ts";
import { ManualClock } from "#core/clock.ts";
import { deliver } from "#jobs/reminders/deliver.job.ts";
import { sweep } from "#jobs/reminders/sweep.job.ts";
import { operations } from "#queues/operations.ts";
import { reminders } from "#queues/reminders.ts";
import { KeyStore } from "../../../src/access/keys.ts";
import { ApiServer } from "../../../src/api/server.ts";
import { isTerminal } from "../../../src/ledger/job-state.ts";
import { migrate } from "../../../src/ledger/migrate.ts";
import { Health, postgresProbe } from "../../../src/observability/health.ts";
import { createLog } from "../../../src/observability/log.ts";
import { Metrics } from "../../../src/observability/metrics.ts";
import { Runtime } from "../../../src/runtime.ts";
import { WorkerHost } from "../../../src/worker/host.ts";
import type { Moved, MoveTo, Ready } from "./hand-clock.ts";

/**
 * A house of reminders whose clock is set by hand: API and worker of `src/`, on a schema of its own, in one process. It stands
 * in for the scheduler: each move of the clock is followed by one sweep, and answered when every message of it is settled.
 * Started by `HandClock`; arguments: schema, folder of the mails, first instant.
 */
const [schema = "", mailDir = "", startAt = ""] = process.argv.slice(2);
const { DATABASE_URL: databaseUrl = "", REDIS_URL: redisUrl = "", NIGHTSHIFT_API_KEY: key } = process.env;
const lookEveryMs = 50; // notifications are hints
const stopMs = 2_000;

let stop = async (): Promise<void> => process.exit(); // nothing is there yet
process.on("disconnect", () => void stop());
if (!process.connected) process.exit(); // whoever started us is gone already

const log = createLog({ level: "info", process: "hand-set", pretty: false });
const clock = new ManualClock(startAt);
const runtime = new Runtime({
  catalog: new Catalog([deliver, sweep], [operations, reminders]),
  ...{ databaseUrl, redisUrl, schema, redisPrefix: schema },
  blobUrl: `file:${tmpdir()}`,
  channels: { mailDir }, // and nothing else: nobody is written to
  clock,
  log,
  process: "demo",
  keepsHouse: false,
});
await migrate(runtime.database);
await runtime.start();
const { catalog, producer, reader, lookup, cancellation, redrive, listener, services, reports } = runtime;
const api = new ApiServer({
  ...{ catalog, producer, reader, lookup, cancellation, redrive, listener, log, ...services, reports, clock },
  ...{ incidents: runtime.incidents, settings: runtime.settings, database: runtime.database },
  reminders: runtime.reminders,
  engineOf: (queue) => runtime.engineOf(queue),
  keys: new KeyStore(runtime.database, key),
  health: new Health({ postgres: postgresProbe(runtime.database), redis: () => runtime.redis.ping() }),
  metrics: new Metrics({ log }),
  host: "127.0.0.1",
  port: 0,
});
const host = new WorkerHost(runtime.workerOptions(catalog.queues));
await api.start();
await host.start();

stop = () =>
  host
    .stop(stopMs)
    .then(() => api.stop(stopMs))
    .then(() => runtime.stop())
    .finally(() => process.exit());
process.on("message", (message: MoveTo) => {
  moveTo(Date.parse(message.moveTo)).then(tell, (error: Error) => tell({ failed: error.message }));
});
tell({ url: api.url });

async function moveTo(instant: number): Promise<Moved> {
  clock.advance(instant - clock.now());
  const { id } = await producer.enqueue("*", sweep, {});
  for (;;) {
    const changed = nextChange();
    const job = await reader.find(null, id);
    if (job && isTerminal(job.state) && (await openDeliveries()) === 0) return { swept: job.state };
    await changed;
  }
}

async function openDeliveries(): Promise<number> {
  const { rows } = await runtime.database.executeSql(
    `select count(*)::int as open from ${schema}.jobs where job = $1 and finished_at is null`,
    [deliver.name],
  );
  return rows[0]!.open;
}

/** Resolves at the next news of a job. */
function nextChange(): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      unhear();
      clearTimeout(timer);
      resolve();
    };
    const unhear = listener.on("jobs", done);
    const timer = setTimeout(done, lookEveryMs);
  });
}

function tell(message: Ready | Moved): void {
  process.send?.(message);
}
