import pg from "pg";
import type { Log } from "#core/handler.ts";
import type { Database } from "./database.ts";

type Hear = (payload: string) => void;

/**
 * One connection that listens to the ledger's notifications, for all of a process. Notifications are hints: after a
 * reconnect `onGap` runs, and whoever waits must look again.
 */
export class Listener {
  readonly #database: Database;
  readonly #log: Log;
  readonly #channels = new Map<string, Set<Hear>>();
  readonly #gaps = new Set<() => void>();
  #client: pg.Client | null = null;
  /** The last thing asked of the client: it takes one at a time. */
  #asked: Promise<unknown> = Promise.resolve();
  #retry: NodeJS.Timeout | null = null;
  #stopped = false;

  constructor(database: Database, log: Log) {
    this.#database = database;
    this.#log = log;
  }

  async start(): Promise<void> {
    if (!this.#client && !this.#stopped) await this.#connect();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    if (this.#retry) clearTimeout(this.#retry);
    const client = this.#client;
    this.#client = null;
    await client?.end().catch(() => undefined);
  }

  /** Hear `${schema}_${name}` until the returned function is called. */
  on(name: "jobs" | "cancel" | "relay" | "schedules" | "drafts", hear: Hear): () => void {
    const channel = `${this.#database.schema}_${name}`;
    const known = this.#channels.get(channel);
    const hears = known ?? new Set();
    this.#channels.set(channel, hears.add(hear));
    if (!known && this.#client) this.#listen(this.#client, channel).catch(() => undefined); // lost: listens again on reconnect
    return () => {
      hears.delete(hear);
    };
  }

  /** Run after a time in which notifications may have been missed. */
  onGap(run: () => void): () => void {
    this.#gaps.add(run);
    return () => {
      this.#gaps.delete(run);
    };
  }

  async #connect(): Promise<void> {
    const client = new pg.Client({
      connectionString: this.#database.connectionString,
      application_name: "nightshift listener",
      keepAlive: true,
      connectionTimeoutMillis: 5_000,
    });
    client.on("error", (error) => this.#lost(client, error));
    client.on("end", () => this.#lost(client, new Error("connection ended")));
    client.on("notification", ({ channel, payload }) => {
      for (const hear of this.#channels.get(channel) ?? []) hear(payload ?? "");
    });
    await client.connect();
    if (this.#stopped) return client.end();
    this.#client = client;
    this.#asked = Promise.resolve(); // nothing waits for an answer of the client before
    for (const channel of this.#channels.keys()) await this.#listen(client, channel);
  }

  #listen(client: pg.Client, channel: string): Promise<unknown> {
    const listening = this.#asked.then(() => client.query(`listen ${channel}`));
    this.#asked = listening.catch(() => undefined);
    return listening;
  }

  #lost(client: pg.Client, error: Error): void {
    if (this.#client !== client || this.#stopped) return;
    this.#client = null;
    this.#log.warn({ error: error.message }, "listener.lost");
    this.#reconnect(100);
  }

  #reconnect(delayMs: number): void {
    this.#retry = setTimeout(() => {
      this.#connect().then(
        () => {
          for (const run of this.#gaps) run();
        },
        () => {
          if (!this.#stopped) this.#reconnect(Math.min(delayMs * 2, 2_000));
        },
      );
    }, delayMs);
  }
}
