import { type ChildProcess, fork } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { closeSync, openSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Database } from "../../../src/ledger/database.ts";
import { type Way, wayOf } from "../way.ts";

/** What the house says and is told, message by message. */
export interface Ready {
  readonly url: string;
}
export interface MoveTo {
  readonly moveTo: string;
}
export type Moved = { readonly swept: string } | { readonly failed: string };

const prefix = "demo_clock_";
/** No demo takes as long: what is older was left by one that was killed. */
const leftAfterMs = 3_600_000;
const stopMs = 8_000;

export interface HandClockOptions {
  readonly stores: { readonly databaseUrl: string; readonly redisUrl: string };
  /** To remove the schema by. */
  readonly database: Database;
  /** Where messages are written. */
  readonly mailDir: string;
  readonly logFile: string;
  /** The first instant, ISO 8601. */
  readonly startAt: string;
  readonly fetch: typeof fetch;
  readonly signal: AbortSignal;
}

/**
 * A Nightshift of reminders whose clock is moved by hand, in a process and a schema of its own: what it sends is up to its
 * clock, and the tenants of the real one are none of its business. Everything of it is gone after `stop`.
 */
export class HandClock {
  readonly #options: HandClockOptions;
  readonly #schema = `${prefix}${Math.floor(Date.now() / 1_000)}_${process.pid}`;
  readonly #key = randomBytes(24).toString("base64url");
  #child: ChildProcess | null = null;
  #url = "";

  constructor(options: HandClockOptions) {
    this.#options = options;
  }

  /** Resolves when its API answers. */
  async start(): Promise<void> {
    const { stores, mailDir, logFile, startAt, signal } = this.#options;
    await this.#sweepUp();
    signal.throwIfAborted();
    const log = openSync(logFile, "a", 0o600);
    const entry = fileURLToPath(new URL("./hand-set-house.ts", import.meta.url));
    this.#child = fork(entry, [this.#schema, mailDir, startAt], {
      env: {
        ...process.env,
        DATABASE_URL: stores.databaseUrl,
        REDIS_URL: stores.redisUrl,
        NIGHTSHIFT_API_KEY: this.#key,
      },
      execArgv: ["--disable-warning=ExperimentalWarning"],
      detached: true, // out of reach of a Ctrl-C, which is for us; it ends when we do
      stdio: ["ignore", log, log, "ipc"],
    });
    closeSync(log); // the child has its own
    const { url } = await this.#next<Ready>();
    this.#url = url;
  }

  /** A way in for a tenant. */
  connect(tenant: string): Way {
    return wayOf({ baseUrl: this.#url, key: this.#key, tenant, fetch: this.#options.fetch });
  }

  /** Set the clock, and resolve when everything that is due by then is settled. It only goes forward. */
  async moveTo(instant: string): Promise<void> {
    this.#child!.send({ moveTo: instant } satisfies MoveTo);
    const moved = await this.#next<Moved>();
    if ("failed" in moved) throw new Error(`The sweep of ${instant} failed: ${moved.failed}`);
    if (moved.swept !== "completed")
      throw new Error(`Expected the sweep of ${instant} to complete, it is ${moved.swept}`);
  }

  /** Safe to call at any moment, and twice. */
  async stop(): Promise<void> {
    const child = this.#child;
    this.#child = null;
    if (!child) return;
    if (child.exitCode === null && child.signalCode === null) {
      const exit = once(child, "exit");
      const timer = setTimeout(() => child.kill("SIGKILL"), stopMs);
      if (child.connected) child.disconnect();
      await exit;
      clearTimeout(timer);
    }
    await this.#remove(this.#schema);
  }

  /** The next message; rejects when the process ends first, or everything is given up. */
  async #next<T>(): Promise<T> {
    const { signal, logFile } = this.#options;
    const over = new AbortController();
    const until = { signal: AbortSignal.any([signal, over.signal]) };
    const ended = once(this.#child!, "exit", until).then(([code, by]) => {
      throw new Error(`The house with the hand-set clock ended (${by ?? `exit code ${code}`}). See ${logFile}`);
    });
    ended.catch(() => undefined); // given up with `over`
    try {
      const [message] = await Promise.race([once(this.#child!, "message", until), ended]);
      return message as T;
    } finally {
      over.abort();
    }
  }

  /** Remove what demos left that were killed. */
  async #sweepUp(): Promise<void> {
    const { rows } = await this.#options.database.executeSql(
      "select nspname as name from pg_namespace where starts_with(nspname, $1)",
      [prefix],
    );
    for (const { name } of rows) {
      const [, startedAt] = /^demo_clock_(\d+)_\d+$/.exec(name) ?? [];
      if (startedAt && Date.now() - Number(startedAt) * 1_000 > leftAfterMs) await this.#remove(name);
    }
  }

  async #remove(schema: string): Promise<void> {
    const { database, stores } = this.#options;
    for (const name of [schema, `${schema}_boss`]) await database.executeSql(`drop schema if exists ${name} cascade`);
    const { Redis } = await import("ioredis");
    const redis = new Redis(stores.redisUrl);
    try {
      for await (const keys of redis.scanStream({ match: `{${schema}:*`, count: 1_000 }))
        if (keys.length > 0) await redis.unlink(...(keys as string[]));
    } finally {
      redis.disconnect();
    }
  }
}
