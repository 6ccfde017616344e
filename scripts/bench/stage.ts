import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { Redis } from "ioredis";
import pg from "pg";
import { type Servers, startServers } from "../../src/embedded/servers.ts";
import { migrate } from "../../src/ledger/migrate.ts";
import { startNightshift } from "./nightshift.ts";
import { type Remote, remote } from "./remote.ts";

export interface StageOptions {
  readonly rounds: number;
  /** Jobs per sample instead of each measure's own number: a small one is a rehearsal. */
  readonly jobs: number | undefined;
  /** Where each sample leaves a CPU profile. */
  readonly profileDir: string | undefined;
  /** Rate limits are watched over minutes as providers count them, not over shortened ones. */
  readonly wholeMinutes: boolean;
  readonly signal: AbortSignal;
}

/** Where a process of the bench finds the servers. */
export interface Addresses {
  readonly redisUrl: string;
  readonly databaseUrl: string;
  readonly blobUrl: string;
}

/** One way of doing the thing that is measured. A sample of it is one call of `module`'s `call` in a fresh process. */
export interface Way {
  readonly name: string;
  readonly module: string;
  readonly call: string;
  readonly args: object;
  /** How long one call may take; default two minutes. */
  readonly ceilingMs?: number;
  /** Made before each sample, with the stores already empty. */
  readonly prepare?: () => Promise<unknown>;
}

/**
 * The ground all measures stand on: a Redis and a Postgres of this run's own, which acknowledge as in production (AOF
 * everysec, fsync on), in a directory that goes with them. Never somebody's servers: each sample begins with empty stores.
 */
export class Stage {
  readonly addresses: Addresses;
  readonly #options: StageOptions;
  readonly #servers: Servers;
  readonly #redis: Redis;
  readonly #postgres: pg.Client;
  #tables = "";

  private constructor(options: StageOptions, servers: Servers, dataDir: string) {
    this.#options = options;
    this.#servers = servers;
    const { redisUrl, databaseUrl } = servers as Required<Servers>;
    this.addresses = { redisUrl, databaseUrl, blobUrl: `file:${join(dataDir, "blobs")}` };
    this.#redis = new Redis(redisUrl, { lazyConnect: true });
    this.#postgres = new pg.Client({ connectionString: databaseUrl });
    this.#redis.on("error", () => undefined); // a command that fails says so itself
    this.#postgres.on("error", () => undefined);
  }

  static async start(options: StageOptions): Promise<Stage> {
    const dataDir = mkdtempSync(join(tmpdir(), "nightshift-bench-"));
    const servers = await startServers({
      dataDir,
      temporary: true,
      fsync: true,
      want: { redis: true, postgres: true },
      log: { info() {}, warn: print, error: print },
      signal: options.signal,
    });
    const stage = new Stage(options, servers, dataDir);
    try {
      await stage.#prepare();
    } catch (error) {
      await stage.stop();
      throw error;
    }
    return stage;
  }

  get rounds(): number {
    return this.#options.rounds;
  }

  /** A part of the rounds, at least one: for what takes long and is asked less. */
  share(part: number): number {
    return Math.max(1, Math.round(this.rounds * part));
  }

  get wholeMinutes(): boolean {
    return this.#options.wholeMinutes;
  }

  /** How many jobs a sample of `usual` has in this run. */
  jobs(usual: number): number {
    return Math.min(usual, this.#options.jobs ?? usual);
  }

  async versions(): Promise<Record<"redis" | "postgres", string>> {
    const info = await this.#redis.info("server");
    const { rows } = await this.#postgres.query("show server_version");
    return { redis: /redis_version:(\S+)/.exec(info)![1]!, postgres: rows[0].server_version };
  }

  /** Empty stores, as small on disk as they were at first, with no checkpoint or rewrite about to fall into a sample. */
  async reset(): Promise<void> {
    this.#options.signal.throwIfAborted();
    await this.#redis.flushall();
    await this.#redis.bgrewriteaof();
    while (/aof_rewrite_(in_progress|scheduled):1/.test(await this.#redis.info("persistence"))) await delay(5);
    await this.#postgres.query(`truncate ${this.#tables}`);
    await this.#postgres.query("drop schema if exists boss cascade");
    await this.#postgres.query("checkpoint");
  }

  /** Take `rounds` samples of every way: A B C, C B A, A B C …, so that a drift of the machine falls on all alike. */
  async sampleAll<Result>(title: string, ways: readonly Way[], rounds = this.rounds): Promise<Map<string, Result[]>> {
    const samples = new Map<string, Result[]>(ways.map(({ name }) => [name, []]));
    for (let round = 0; round < rounds; round += 1) {
      for (const way of round % 2 === 0 ? ways : ways.toReversed()) {
        await this.reset();
        await way.prepare?.();
        const sample = await this.call<Result>(way, `${title} ${way.name}`).result;
        this.print({ round: round + 1, sample }, `${title} · ${way.name}`);
        samples.get(way.name)!.push(sample);
      }
    }
    return samples;
  }

  /** Drop a schema that a measure made for itself. */
  async drop(schema: string): Promise<void> {
    await this.#postgres.query(`drop schema ${schema} cascade`);
  }

  /** A line for who watches the run. */
  print(fields: object, event: string): void {
    print(fields, event);
  }

  /** Begin one call in a process of its own. */
  call<Result>({ module, call, args, ceilingMs }: Omit<Way, "name">, title = call): Remote<Result> {
    this.#options.signal.throwIfAborted();
    const dir = this.#options.profileDir;
    const name = `${title.replaceAll(/[^a-z0-9]+/gi, "-")}-${Date.now()}.cpuprofile`;
    const profile = dir === undefined ? {} : { profile: { dir, name } };
    return remote(module, call, { ...this.addresses, ...args }, { ...profile, ceilingMs });
  }

  /** Safe to repeat. */
  async stop(): Promise<void> {
    this.#redis.disconnect();
    await this.#postgres.end().catch(() => undefined);
    await this.#servers.stop();
  }

  async #prepare(): Promise<void> {
    await Promise.all([this.#redis.connect(), this.#postgres.connect()]);
    // The file grows by a gigabyte over a run; `reset` rewrites it between samples instead of Redis within one.
    await this.#redis.config("SET", "auto-aof-rewrite-percentage", "0");
    const nightshift = startNightshift({ ...this.addresses, jobs: [], process: "release" });
    await migrate(nightshift.database).finally(() => nightshift.stop());
    const { rows } = await this.#postgres.query<{ tables: string }>(
      "select string_agg('nightshift.' || tablename, ', ') as tables from pg_tables where schemaname = 'nightshift' and tablename <> 'migrations'",
    );
    this.#tables = rows[0]!.tables;
  }
}

function print(fields: object, event: string): void {
  process.stderr.write(`${event} ${JSON.stringify(fields)}\n`);
}
