import type { Log } from "#core/handler.ts";
import type { QueueDefinition } from "#core/queue.ts";
import type { Engine } from "../engines/engine.ts";
import type { Database } from "../ledger/database.ts";

/**
 * Takes a waiting job out of its engine and leaves it to the relay, which dispatches it as its row now says: for a job that
 * is to run sooner, or before others, than it was enqueued for. The row is locked meanwhile, so that no attempt begins in
 * between. Safe to repeat. A crash half-way leaves a row without an entry, which reconciliation finds.
 */
export class Requeue {
  readonly #database: Database;
  readonly #engineOf: (queue: QueueDefinition) => Engine;
  readonly #log: Log;
  readonly #going = new Set<Promise<void>>();

  constructor(options: { database: Database; engineOf: (queue: QueueDefinition) => Engine; log: Log }) {
    this.#database = options.database;
    this.#engineOf = options.engineOf;
    this.#log = options.log;
  }

  /** In the background: when it fails, the job runs all the same, at the time and the priority its engine knows. */
  send(queue: QueueDefinition, id: string): void {
    const going = this.#requeue(queue, id)
      .catch((error: Error) =>
        this.#log.warn({ queue: queue.name, jobId: id, error: error.message }, "requeue.left_in_place"),
      )
      .finally(() => this.#going.delete(going));
    this.#going.add(going);
  }

  async stop(): Promise<void> {
    await Promise.all(this.#going);
  }

  async #requeue(queue: QueueDefinition, id: string): Promise<void> {
    const { schema } = this.#database;
    await this.#database.transaction(async (client) => {
      const { rows } = await client.query(
        `select id from ${schema}.jobs where id = $1 and state in ('accepted','queued') and attempt = 0 for update`,
        [id],
      );
      if (rows.length === 0) return; // it runs, or has ended
      await this.#engineOf(queue).remove(queue, id);
      await client.query(
        `update ${schema}.jobs set state = 'accepted', relay_at = greatest(run_at, now()), revision = revision + 1 where id = $1`,
        [id],
      );
      await client.query(`select pg_notify('${schema}_relay', '')`);
    });
  }
}
