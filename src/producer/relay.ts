import type { Log } from "#core/handler.ts";
import type { QueueDefinition } from "#core/queue.ts";
import type { Engine } from "../engines/engine.ts";
import type { Database } from "../ledger/database.ts";
import type { DueJob, Ledger } from "../ledger/ledger.ts";
import type { Listener } from "../ledger/listener.ts";
import { dueMessage } from "./message.ts";

const batchSize = 500;
const awayPollMs = 2_000; // while an engine is away its rows pile up, and each look has to step over them
const pollMs = 500; // due timers are found this late at the most; jobs of a caller's transaction announce themselves

/**
 * The slow path: dispatches what the fast path left behind (a crash between commit and dispatch, an outage), timers that
 * came due, jobs enqueued in somebody's own transaction, and successors whose predecessor has ended. Also ends jobs whose `expiresAt` passed while they waited.
 * Any number of relays may run: rows are claimed with SKIP LOCKED, and a row stays locked until the engine has it, so
 * that no attempt can start and end in between.
 */
export class Relay {
  readonly #database: Database;
  readonly #ledger: Ledger;
  readonly #listener: Listener;
  readonly #queues: ReadonlyMap<string, QueueDefinition>;
  readonly #engineOf: (queue: QueueDefinition) => Engine;
  readonly #log: Log;
  #timer: NodeJS.Timeout | null = null;
  #pass: Promise<void> | null = null;
  #again = false;
  #stopped = false;
  #unhear: (() => void)[] = [];

  constructor(options: {
    database: Database;
    ledger: Ledger;
    listener: Listener;
    queues: readonly QueueDefinition[];
    engineOf: (queue: QueueDefinition) => Engine;
    log: Log;
  }) {
    this.#database = options.database;
    this.#ledger = options.ledger;
    this.#listener = options.listener;
    this.#queues = new Map(options.queues.map((queue) => [queue.name, queue]));
    this.#engineOf = options.engineOf;
    this.#log = options.log;
  }

  async start(): Promise<void> {
    await this.#listener.start();
    const engines = new Set([...this.#queues.values()].map((queue) => this.#engineOf(queue)));
    this.#unhear = [
      this.#listener.on("relay", () => this.#wake()),
      ...[...engines].map((engine) => engine.onOpen(() => this.#wake())),
    ];
    this.#wake();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    for (const unhear of this.#unhear) unhear();
    if (this.#timer) clearTimeout(this.#timer);
    await this.#pass;
  }

  #wake(): void {
    if (this.#stopped) return;
    if (this.#pass) {
      this.#again = true;
      return;
    }
    if (this.#timer) clearTimeout(this.#timer);
    this.#again = false;
    this.#pass = this.#runPass().finally(() => {
      this.#pass = null;
      if (this.#again) this.#wake();
      else if (!this.#stopped)
        this.#timer = setTimeout(() => this.#wake(), this.#shutQueues().length > 0 ? awayPollMs : pollMs);
    });
  }

  async #runPass(): Promise<void> {
    try {
      while (!this.#stopped && (await this.#ledger.promoteSuccessors(batchSize)) === batchSize);
      while (!this.#stopped && (await this.#dispatchBatch()) === batchSize);
      while (!this.#stopped && (await this.#expireBatch()) === batchSize);
    } catch (error) {
      this.#log.warn({ error: (error as Error).message }, "relay.pass_failed");
    }
  }

  async #dispatchBatch(): Promise<number> {
    let marked: readonly string[] = [];
    const count = await this.#database.transaction(async (client) => {
      const runner = { executeSql: (text: string, values?: unknown[]) => client.query(text, values) };
      const due = await this.#ledger.claimForRelay(runner, batchSize, this.#shutQueues());
      const dispatched: string[] = [];
      for (const [name, jobs] of Map.groupBy(due, (job) => job.queue))
        dispatched.push(...(await this.#dispatchTo(name, jobs)));
      if (dispatched.length > 0) marked = await this.#ledger.markQueuedIn(runner, dispatched);
      const taken = new Set(dispatched);
      // Rows of an engine that has just shut keep their turn: they are left alone until it opens.
      const shut = new Set(this.#shutQueues());
      const left = due.filter((job) => !taken.has(job.id) && !shut.has(job.queue)).map((job) => job.id);
      if (left.length > 0) await this.#ledger.deferRelayIn(runner, left);
      return due.length;
    });
    this.#ledger.announce(marked);
    return count;
  }

  /** Queues whose engine takes nothing now: it is away, or full. */
  #shutQueues(): string[] {
    return [...this.#queues.values()].filter((queue) => !this.#engineOf(queue).open).map((queue) => queue.name);
  }

  async #dispatchTo(name: string, jobs: readonly DueJob[]): Promise<string[]> {
    const queue = this.#queues.get(name);
    if (!queue) {
      this.#log.error({ queue: name, jobs: jobs.length }, "relay.unknown_queue");
      return [];
    }
    const results = await this.#engineOf(queue)
      .dispatch(queue, jobs.map(dueMessage))
      .catch((error: Error) => {
        this.#log.warn({ queue: name, jobs: jobs.length, error: error.message }, "relay.engine_away");
        return [];
      });
    return results.flatMap((result, index) => (result.ok ? [jobs[index]!.id] : []));
  }

  async #expireBatch(): Promise<number> {
    const expired = await this.#ledger.expire(batchSize);
    for (const { id, queue: name } of expired) {
      const queue = this.#queues.get(name);
      // Best effort: an entry that stays is refused by the ledger when a worker claims it.
      if (queue)
        await this.#engineOf(queue)
          .remove(queue, id)
          .catch(() => false);
    }
    return expired.length;
  }
}
