import { type ChildProcess, fork } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { ScheduleRule } from "#core/schedule.ts";
import { Database } from "../../src/ledger/database.ts";
import { migrate } from "../../src/ledger/migrate.ts";
import { createLog } from "../../src/observability/log.ts";
import { proofJob } from "./work.ts";

/** Two stores, and a schema of its own in them, with schedules and scheduler processes; all gone at the end. */
export class Ground implements AsyncDisposable {
  readonly database: Database;
  readonly schema: string;
  readonly #stores: { readonly databaseUrl: string; readonly redisUrl: string };
  readonly #children: ChildProcess[] = [];

  private constructor(stores: { databaseUrl: string; redisUrl: string }) {
    this.#stores = stores;
    this.schema = `proof_${randomBytes(4).toString("hex")}`;
    const log = createLog({ level: "warn", process: "proof", pretty: false });
    this.database = new Database({ connectionString: stores.databaseUrl, schema: this.schema, log });
  }

  static async open(stores: { databaseUrl: string; redisUrl: string }): Promise<Ground> {
    const ground = new Ground(stores);
    await migrate(ground.database);
    return ground;
  }

  /** Schedules of one rule, named `<prefix>-<n>`. `first`: SQL for the first tick of the n-th. */
  async plant(prefix: string, count: number, rule: Partial<ScheduleRule>, first: string): Promise<void> {
    await this.database.executeSql(
      `insert into ${this.schema}.schedules (tenant, name, job, payload, payload_version, rule, overlap, missed, spread_ms,
         next_tick, next_due, origin)
       select 'proof', $1 || '-' || n, $2, '{}', 1, $3, 'allow', 'all', 0, ${first}, ${first}, 'api'
       from generate_series(0, $4 - 1) as n`,
      [prefix, proofJob.name, JSON.stringify({ timeZone: "UTC", gap: "later", ...rule }), count],
    );
  }

  /** A scheduler process. Resolves when it has looked for the first time, with how long that took. */
  async scheduler(): Promise<{ readonly child: ChildProcess; readonly startMs: number }> {
    const { databaseUrl, redisUrl } = this.#stores;
    const entry = fileURLToPath(new URL("./scheduler-entry.ts", import.meta.url));
    const child = fork(entry, [databaseUrl, redisUrl, this.schema], {
      execArgv: ["--disable-warning=ExperimentalWarning"],
      stdio: ["ignore", "inherit", "inherit", "ipc"],
    });
    this.#children.push(child);
    const ended = once(child, "exit").then(([code, signal]) => {
      throw new Error(`Expected a scheduler to start, it ended: ${signal ?? code}`);
    });
    ended.catch(() => undefined);
    const [message] = await Promise.race([once(child, "message"), ended]);
    return { child, startMs: (message as { startMs: number }).startMs };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const living = this.#children.filter((child) => child.exitCode === null && child.signalCode === null);
    const ends = living.map((child) => once(child, "exit"));
    for (const child of living) child.kill("SIGKILL"); // also one that stands still
    await Promise.all(ends);
    await this.database.executeSql(`drop schema if exists ${this.schema} cascade`);
    await this.database.executeSql(`drop schema if exists ${this.schema}_boss cascade`);
    await this.database.stop();
    const { Redis } = await import("ioredis");
    const redis = new Redis(this.#stores.redisUrl);
    for await (const keys of redis.scanStream({ match: `{${this.schema}:*`, count: 1_000 }))
      if (keys.length > 0) await redis.unlink(...(keys as string[]));
    redis.disconnect();
  }
}

/** The value below which so much of the sorted values lies. */
export function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
