import type { Clock } from "#core/clock.ts";
import { seconds } from "#core/duration.ts";
import type { Log } from "#core/handler.ts";
import type { JobDefinition } from "#core/job.ts";
import type { Database } from "../ledger/database.ts";
import type { Producer } from "../producer/producer.ts";

/** A job of the house that comes again and again. Its payload is empty. */
export interface Sweep {
  readonly job: JobDefinition;
  /** At every multiple of this since 1970: each minute, each hour. */
  readonly everyMs: number;
}

/** Whose jobs sweeps are: everybody's. No key is bound to it, so only keys of `*` see them. */
export const houseTenant = "*";

const retryMs = seconds(2);

/**
 * Enqueues the house's own jobs on time. Any number of processes may: whoever moves the sweep's row to the tick enqueues its
 * job, in one transaction. Ticks that passed while nobody looked are not made up for, and a tick whose job before still
 * lives joins that one.
 */
export class Sweeps {
  readonly #database: Database;
  readonly #producer: Producer;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #sweeps: readonly Sweep[];
  readonly #timers = new Map<Sweep, NodeJS.Timeout>();
  readonly #turns = new Set<Promise<void>>();
  #stopped = false;

  constructor(options: {
    database: Database;
    producer: Producer;
    clock: Clock;
    log: Log;
    sweeps: readonly Sweep[];
  }) {
    this.#database = options.database;
    this.#producer = options.producer;
    this.#clock = options.clock;
    this.#log = options.log;
    this.#sweeps = options.sweeps;
  }

  /** The tick that is on is looked at once at the start. */
  async start(): Promise<void> {
    if (this.#timers.size === 0) for (const sweep of this.#sweeps) this.#wait(sweep, 0);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    for (const timer of this.#timers.values()) clearTimeout(timer);
    await Promise.all(this.#turns);
  }

  /** Enqueue the sweep of the current tick, unless some process has. `true`: this one did. */
  async tick({ job, everyMs }: Sweep): Promise<boolean> {
    const tick = new Date(Math.floor(this.#clock.now() / everyMs) * everyMs);
    return this.#database.transaction(async (client) => {
      const runner = { executeSql: (text: string, values?: unknown[]) => client.query(text, values) };
      const { rows } = await runner.executeSql(
        `insert into ${this.#database.schema}.sweeps as s (name, ticked_at) values ($1, $2)
         on conflict (name) do update set ticked_at = excluded.ticked_at where s.ticked_at < excluded.ticked_at
         returning name`,
        [job.name, tick],
      );
      if (rows.length === 0) return false;
      await this.#producer.enqueue(houseTenant, job, {}, { deduplicationKey: "sweep" }, { in: runner });
      return true;
    });
  }

  #wait(sweep: Sweep, ms: number): void {
    this.#timers.set(
      sweep,
      setTimeout(() => this.#turn(sweep), ms),
    );
  }

  #turn(sweep: Sweep): void {
    const turn = this.tick(sweep).then(
      () => sweep.everyMs - (this.#clock.now() % sweep.everyMs),
      (error: Error) => {
        this.#log.warn({ job: sweep.job.name, error: error.message }, "sweep.failed");
        return Math.min(retryMs, sweep.everyMs);
      },
    );
    const turned = turn.then((nextMs) => {
      this.#turns.delete(turned);
      if (!this.#stopped) this.#wait(sweep, nextMs);
    });
    this.#turns.add(turned);
  }
}
