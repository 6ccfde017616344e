import { NightshiftError } from "#core/errors.ts";
import type { Log } from "#core/handler.ts";
import type { QueueDefinition } from "#core/queue.ts";
import type { Engine } from "../engines/engine.ts";
import type { Database } from "../ledger/database.ts";

/** No queue of that name in the catalog. */
export class UnknownQueue extends NightshiftError {
  readonly code = "unknown_queue";

  constructor(name: string) {
    super(`Expected the name of a queue in the catalog, found "${name.slice(0, 80)}". GET /v1/queues lists them.`);
  }
}

/** What an operator set for a queue. */
export interface QueueSetting {
  readonly paused: boolean;
  readonly changedBy: string;
  readonly changedAt: Date;
}

/**
 * What operators set for queues: Postgres remembers it, the engines obey it. An engine that forgot (Redis was wiped) or
 * was away is told again by `apply`. A queue that nobody ever set is left as its engine has it.
 *
 * Whoever changes or applies a setting holds the row meanwhile, so that the engine is left with what the row says.
 */
export class QueueSettings {
  readonly #database: Database;
  readonly #queues: readonly QueueDefinition[];
  readonly #engineOf: (queue: QueueDefinition) => Engine;
  readonly #log: Log;

  constructor(options: {
    database: Database;
    queues: readonly QueueDefinition[];
    engineOf: (queue: QueueDefinition) => Engine;
    log: Log;
  }) {
    this.#database = options.database;
    this.#queues = options.queues;
    this.#engineOf = options.engineOf;
    this.#log = options.log;
  }

  /**
   * Pause or resume a queue for `actor`. `false`: it is set, but its engine does not answer and will be told when it does.
   * Rejects with UnknownQueue. Safe to repeat.
   */
  set(name: string, paused: boolean, actor: string): Promise<boolean> {
    const queue = this.#queues.find((candidate) => candidate.name === name);
    if (!queue) return Promise.reject(new UnknownQueue(name));
    return this.#database.transaction(async (client) => {
      await client.query(
        `insert into ${this.#table} (queue, paused, changed_by) values ($1, $2, $3)
         on conflict (queue) do update set paused = excluded.paused, changed_by = excluded.changed_by, changed_at = now()`,
        [name, paused, actor],
      );
      const told = await this.#tell(queue, paused);
      this.#log.info({ queue: name, actor, told }, paused ? "queue.paused" : "queue.resumed");
      return told;
    });
  }

  /** Tell engines that differ what was set. Resolves with the queues that had to be told. */
  async apply(queues: readonly QueueDefinition[] = this.#queues): Promise<readonly string[]> {
    const told: string[] = [];
    for (const queue of queues) if (await this.#applyOne(queue)) told.push(queue.name);
    if (told.length > 0) this.#log.warn({ queues: told }, "queue_settings.applied");
    return told;
  }

  /** By queue; one that nobody ever set is missing. */
  async all(): Promise<ReadonlyMap<string, QueueSetting>> {
    const { rows } = await this.#database.executeSql(`select * from ${this.#table}`);
    return new Map(
      rows.map((row) => [row.queue, { paused: row.paused, changedBy: row.changed_by, changedAt: row.changed_at }]),
    );
  }

  get #table(): string {
    return `${this.#database.schema}.queue_settings`;
  }

  #applyOne(queue: QueueDefinition): Promise<boolean> {
    return this.#database.transaction(async (client) => {
      const text = `select paused from ${this.#table} where queue = $1 for update`;
      const { rows } = await client.query<{ paused: boolean }>(text, [queue.name]);
      const setting = rows[0];
      if (!setting) return false;
      const obeyed = await this.#engineOf(queue)
        .isPaused(queue)
        .catch(() => null); // away: told the next time
      return obeyed !== null && obeyed !== setting.paused && this.#tell(queue, setting.paused);
    });
  }

  async #tell(queue: QueueDefinition, paused: boolean): Promise<boolean> {
    const engine = this.#engineOf(queue);
    try {
      await (paused ? engine.pause(queue) : engine.resume(queue));
      return true;
    } catch (error) {
      this.#log.warn({ queue: queue.name, paused, error: (error as Error).message }, "queue_settings.engine_away");
      return false;
    }
  }
}
