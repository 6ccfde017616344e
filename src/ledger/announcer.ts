import type { Database } from "./database.ts";

/** A watcher hears of a change at once when little happens, and of many changes together this often when much does. */
const everyMs = 5;
/** The limit of a notification's payload is 8,000 bytes. */
const idsPerNotification = 200;

/**
 * Tells whoever watches jobs that they changed, after the commit that changed them. A notification inside that commit would
 * let one commit of the whole server wait for another's fsync: Postgres orders commits that notify by a lock that is held
 * until the commit is on disk. What is told here is a hint that may be lost with the process; watchers look again by themselves.
 */
export class Announcer {
  readonly #database: Database;
  readonly #sql: string;
  #changed = new Set<string>();
  #turn: NodeJS.Immediate | null = null;
  #telling: Promise<void> | null = null;

  constructor(database: Database) {
    this.#database = database;
    // Nothing is written, so no commit needs to reach the disk.
    this.#sql = `select set_config('synchronous_commit', 'off', true), pg_notify('${database.schema}_jobs', part)
      from unnest($1::text[]) as p (part)`;
  }

  /** These jobs have changed. Returns at once; never throws. */
  changed(ids: Iterable<string>): void {
    for (const id of ids) this.#changed.add(id);
    if (this.#changed.size > 0 && !this.#telling) this.#turn ??= setImmediate(() => this.#begin());
  }

  /** Tell what is left. */
  async stop(): Promise<void> {
    if (this.#changed.size > 0) this.#begin();
    while (this.#telling) await this.#telling;
  }

  #begin(): void {
    if (this.#turn) clearImmediate(this.#turn);
    this.#turn = null;
    this.#telling ??= this.#tell().finally(() => {
      this.#telling = null;
      if (this.#changed.size > 0) this.#begin(); // came after the last look
    });
  }

  async #tell(): Promise<void> {
    while (this.#changed.size > 0) {
      const ids = [...this.#changed];
      this.#changed = new Set();
      const parts: string[] = [];
      for (let from = 0; from < ids.length; from += idsPerNotification)
        parts.push(ids.slice(from, from + idsPerNotification).join(","));
      await this.#database.hot("ledger_announce", this.#sql, [parts]).catch(() => undefined); // a hint, no more
      if (this.#changed.size > 0) await new Promise((resolve) => setTimeout(resolve, everyMs));
    }
  }
}
