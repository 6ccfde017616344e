import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdtemp, rm, utimes } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Redis } from "ioredis";
import { inject } from "vitest";
import { Catalog } from "../../src/core/catalog.ts";
import { type Clock, systemClock } from "../../src/core/clock.ts";
import type { Log } from "../../src/core/handler.ts";
import type { JobDefinition } from "../../src/core/job.ts";
import type { QueueDefinition } from "../../src/core/queue.ts";
import type { ReportDefinition } from "../../src/core/report.ts";
import type { ScheduleDefinition } from "../../src/core/schedule.ts";
import { type BookLine, Books } from "../../src/ledger/books.ts";
import type { Patience } from "../../src/ledger/database.ts";
import type { JobView } from "../../src/ledger/job-reader.ts";
import { isTerminal } from "../../src/ledger/job-state.ts";
import { migrate } from "../../src/ledger/migrate.ts";
import { Runtime, type RuntimeOptions } from "../../src/runtime.ts";
import type { AiSettings } from "../../src/services/ai/ai-services.ts";
import type { AttemptEnd } from "../../src/worker/attempt.ts";
import { WorkerHost } from "../../src/worker/host.ts";
import { patienceMs } from "./eventually.ts";

/** A line of log, kept for assertions. */
export interface LogLine {
  readonly level: string;
  readonly event: string;
  readonly fields: Record<string, unknown>;
}

/** A whole Nightshift in one process: real Redis and Postgres, with a key prefix, a schema and a blob folder of its own. */
export interface Rig extends AsyncDisposable {
  readonly runtime: Runtime;
  readonly schema: string;
  readonly prefix: string;
  readonly blobDir: string;
  readonly lines: LogLine[];
  readonly ends: AttemptEnd[];
  /** Start a worker host over all queues (or some). Stopped with the rig. */
  work(queues?: readonly QueueDefinition[], knobs?: WorkerKnobs): Promise<WorkerHost>;
  /** Wait until the job is in a terminal state; rejects after `ceilingMs`. */
  settled(id: string, ceilingMs?: number): Promise<JobView>;
  /** Make a stored blob so much older. */
  age(sha256: string, byMs: number): Promise<void>;
  /** Wait until `look` answers something, looking again whenever the ledger tells of a change (and every 50 ms). */
  until<T>(
    look: () => Promise<T | null | undefined | false> | T | null | undefined | false,
    ceilingMs?: number,
  ): Promise<T>;
}

/** Timings of a worker that production does not change, or not so far. */
export interface WorkerKnobs {
  readonly silenceMs?: number;
  readonly abandonAfterMs?: number;
}

export const tenant = "acme";

/** Build a rig. `relay: true` also runs a relay, as the scheduler process does. */
export async function startRig(options: {
  jobs: readonly JobDefinition[];
  queues?: readonly QueueDefinition[];
  schedules?: readonly ScheduleDefinition[];
  reports?: readonly ReportDefinition[];
  relay?: boolean;
  databaseUrl?: string;
  redisUrl?: string;
  patience?: Partial<Patience>;
  /** Default: the time it is. One that is set by hand must not be ahead of it: Postgres has a clock of its own. */
  clock?: Clock;
  channels?: RuntimeOptions["channels"];
  holidaysDir?: string;
  ai?: AiSettings;
  meters?: RuntimeOptions["meters"];
  /** The test inserts or deletes jobs by SQL: the books cannot know of them. */
  rowsByHand?: boolean;
}): Promise<Rig> {
  const schema = `t_${randomBytes(5).toString("hex")}`;
  const prefix = schema;
  const lines: LogLine[] = [];
  const ends: AttemptEnd[] = [];
  const databaseUrl = options.databaseUrl ?? inject("databaseUrl");
  const redisUrl = options.redisUrl ?? inject("redisUrl");
  const blobDir = await mkdtemp(join(tmpdir(), "nightshift-blobs-"));
  const queues = options.queues ?? [...new Set(options.jobs.map((job) => job.queue))];
  const runtime = new Runtime({
    catalog: new Catalog(options.jobs, queues, options.schedules, options.reports),
    databaseUrl,
    redisUrl,
    schema,
    redisPrefix: prefix,
    blobUrl: `file:${blobDir}`,
    clock: options.clock ?? systemClock,
    ...(options.channels && { channels: options.channels }),
    ...(options.holidaysDir !== undefined && { holidaysDir: options.holidaysDir }),
    log: recorder(lines),
    process: "test",
    poolSize: 8,
    ...(options.patience && { patience: options.patience }),
    ...(options.ai && { ai: options.ai }),
    ...(options.meters && { meters: options.meters }),
    keepsHouse: options.relay ?? false,
  });
  await migrate(runtime.database);
  await runtime.start();
  const hosts: WorkerHost[] = [];

  const until: Rig["until"] = async (look, ceilingMs = patienceMs) => {
    const deadline = Date.now() + ceilingMs;
    for (;;) {
      const changed = nextChange(runtime);
      const found = await look();
      if (found) return found;
      if (Date.now() > deadline) {
        const tail = lines.slice(-15).map((line) => `${line.level} ${line.event} ${JSON.stringify(line.fields)}`);
        throw new Error(`Not seen within ${ceilingMs} ms (schema ${schema}). Last lines:\n${tail.join("\n")}`);
      }
      await changed;
    }
  };

  return {
    runtime,
    schema,
    prefix,
    blobDir,
    lines,
    ends,
    until,
    async age(sha256, byMs) {
      const then = new Date(Date.now() - byMs);
      await utimes(join(blobDir, sha256.slice(0, 2), sha256.slice(2, 4), sha256), then, then);
    },
    async work(served = queues, knobs = {}) {
      const host = new WorkerHost({ ...runtime.workerOptions(served), ...knobs, onEnd: (end) => void ends.push(end) });
      hosts.push(host);
      await host.start();
      return host;
    },
    settled: (id, ceilingMs = patienceMs) =>
      until(async () => {
        const view = await runtime.reader.find(null, id);
        return view && isTerminal(view.state) ? view : null;
      }, ceilingMs),
    async [Symbol.asyncDispose]() {
      await Promise.allSettled(hosts.map((host) => host.stop(1_000)));
      const unaccounted = options.rowsByHand ? [] : await unbalanced(runtime);
      await runtime.stop();
      await dropAll(databaseUrl, redisUrl, schema, prefix);
      await rm(blobDir, { recursive: true, force: true });
      assert.deepEqual(
        unaccounted,
        [],
        "accepted = completed + dead + cancelled + expired + open, whatever a test did",
      );
    },
  };
}

/** What the books of the ledger cannot account for. A test whose Postgres is away, or that took tables away, is let off. */
async function unbalanced(runtime: Runtime): Promise<readonly BookLine[]> {
  const lines = await new Books(runtime.database).read().catch(() => []);
  return lines.filter(({ missing }) => missing !== 0);
}

/** Resolves at the next notification of the ledger, or after 50 ms: notifications are hints. */
function nextChange(runtime: Runtime): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      unhear();
      clearTimeout(timer);
      resolve();
    };
    const unhear = runtime.listener.on("jobs", done);
    const timer = setTimeout(done, 50);
  });
}

async function dropAll(databaseUrl: string, redisUrl: string, schema: string, prefix: string): Promise<void> {
  const { default: pg } = await import("pg");
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  await client.query(`drop schema if exists ${schema} cascade; drop schema if exists ${schema}_boss cascade`);
  await client.end();
  const redis = new Redis(redisUrl);
  const keys = await redis.keys(`{${prefix}:*`);
  if (keys.length > 0) await redis.unlink(...keys);
  redis.disconnect();
}

function recorder(lines: LogLine[], bound: Record<string, unknown> = {}): Log {
  const at = (level: string) => (fields: object, event: string) =>
    void lines.push({ level, event, fields: { ...bound, ...fields } });
  return {
    debug: at("debug"),
    info: at("info"),
    warn: at("warn"),
    error: at("error"),
    child: (fields) => recorder(lines, { ...bound, ...fields }),
  };
}
