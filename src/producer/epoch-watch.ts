import { randomUUID } from "node:crypto";
import { seconds } from "#core/duration.ts";
import type { Log } from "#core/handler.ts";
import type { QueueDefinition } from "#core/queue.ts";
import type { Database } from "../ledger/database.ts";
import type { Incidents } from "../ledger/incidents.ts";
import type { Recovery } from "../ledger/recovery.ts";
import type { QueueSettings } from "./queue-settings.ts";
import type { EngineReconciler } from "./reconciler.ts";

/** The part of the Redis engine that remembers which life it is in. */
export interface EpochStore {
  epochs(queues: readonly QueueDefinition[]): Promise<ReadonlyMap<string, string | null>>;
  setEpoch(queue: QueueDefinition, epoch: string): Promise<void>;
  /** Names this run of the server: another one after every restart. */
  runId(): Promise<string>;
}

const lookMs = 250;
/** Pause between two passes after a loss or a restart; longer where a pass takes long. */
const passPauseMs = seconds(2);
/** What settles, stalls or lapses after a loss does so within its lease; twice, and some time for the workers' own checks. */
const leasesToWatch = 2;
const watchOnMs = seconds(10);
const stopMs = 500;

/**
 * Notices within a quarter of a second that Redis lost a queue (`FLUSHALL`, an empty replica promoted, a disk restored),
 * and re-drives everything that waited there. A lost Redis looks healthy: it answers, and all queues are empty.
 *
 * Redis keeps an epoch per queue, Postgres remembers which one it should be. A difference means loss. Then, in this order: a
 * new epoch is written to Redis, pauses are set again, all waiting jobs are given to the relay page by page, and last
 * Postgres learns the epoch. A crash in between, or a second loss, leaves a difference, and it begins again.
 *
 * Running jobs are left to their workers. Since these may settle, fail or vanish while Redis has no entry for them, and
 * since a restarted Redis may have lost its last second without losing its epoch, the queues are reconciled every few
 * seconds for a while after either. Any number of processes may watch; an advisory lock lets one act.
 */
export class EpochWatch {
  readonly #options: {
    readonly store: EpochStore;
    readonly queues: readonly QueueDefinition[];
    readonly database: Database;
    readonly recovery: Recovery;
    readonly reconciler: Pick<EngineReconciler, "repair">;
    readonly settings: QueueSettings;
    readonly incidents: Incidents;
    readonly log: Log;
  };
  /** The epochs that Postgres had last. */
  readonly #known = new Map<string, string>();
  readonly #stop = new AbortController();
  #runId = "";
  #watchUntil = 0;
  #loops: Promise<void>[] = [];

  constructor(options: {
    store: EpochStore;
    queues: readonly QueueDefinition[];
    database: Database;
    recovery: Recovery;
    reconciler: Pick<EngineReconciler, "repair">;
    settings: QueueSettings;
    incidents: Incidents;
    log: Log;
  }) {
    this.#options = options;
  }

  /** Begins at once; also looks through the queues once, for what happened while nobody watched. */
  start(): void {
    if (this.#loops.length > 0 || this.#options.queues.length === 0) return;
    this.#loops = [this.#repeat(lookMs, () => this.#look()), this.#repeat(passPauseMs, () => this.#pass())];
  }

  /** What a store that hangs still owes an answer for is left behind: whoever watches next begins it again. */
  async stop(): Promise<void> {
    this.#stop.abort(new Error("The process is stopping"));
    let timer: NodeJS.Timeout | undefined;
    const patience = new Promise((resolve) => {
      timer = setTimeout(resolve, stopMs);
    });
    await Promise.race([Promise.all(this.#loops), patience]);
    clearTimeout(timer);
  }

  async #repeat(pauseMs: number, work: () => Promise<number | undefined>): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      const longerMs = await work().catch((error: Error) => {
        if (!signal.aborted) this.#options.log.debug({ error: error.message }, "epoch.not_seen"); // a store is away
        return undefined;
      });
      if (!signal.aborted) await this.#sleep(Math.max(pauseMs, longerMs ?? 0));
    }
  }

  #sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        this.#stop.signal.removeEventListener("abort", done);
        resolve();
      };
      const timer = setTimeout(done, ms);
      this.#stop.signal.addEventListener("abort", done, { once: true });
    });
  }

  async #look(): Promise<undefined> {
    const { store, queues, settings } = this.#options;
    const found = await store.epochs(queues);
    for (const queue of queues) {
      const epoch = found.get(queue.name) ?? null;
      if (epoch === null || epoch !== this.#known.get(queue.name)) await this.#compare(queue, epoch);
    }
    const runId = await store.runId();
    if (runId === this.#runId) return;
    await settings.apply(queues); // restarted, or the first look of this process
    this.#watchOn();
    this.#runId = runId;
  }

  async #compare(queue: QueueDefinition, found: string | null): Promise<void> {
    const expected = await this.#expected(queue);
    if (expected !== null && expected === found) this.#known.set(queue.name, expected);
    else await this.#alone(queue, () => this.#agree(queue));
  }

  /** What Postgres remembers; `null`: nothing yet. */
  async #expected({ name }: QueueDefinition): Promise<string | null> {
    const { database } = this.#options;
    const { rows } = await database.executeSql(`select epoch from ${database.schema}.epochs where queue = $1`, [name]);
    return rows[0]?.epoch ?? null;
  }

  /** Do this unless another process is at it; then the next look is soon enough. */
  async #alone(queue: QueueDefinition, work: () => Promise<void>): Promise<void> {
    const { database } = this.#options;
    await database.transaction(async (client) => {
      const lock = "select pg_try_advisory_xact_lock(hashtextextended($1, 0)) as mine";
      const { rows } = await client.query(lock, [`nightshift/epoch/${database.schema}/${queue.name}`]);
      if (rows[0].mine) await work();
    });
  }

  /** Look again, now that nobody else acts, and bring the two together. */
  async #agree(queue: QueueDefinition): Promise<void> {
    const found = (await this.#options.store.epochs([queue])).get(queue.name) ?? null;
    const expected = await this.#expected(queue);
    if (expected !== null && expected === found) return;
    if (expected !== null) return this.#recover(queue, found);
    const first = found ?? randomUUID(); // a new installation, or the first release that has epochs
    await this.#remember(queue, first);
    if (found === null) await this.#options.store.setEpoch(queue, first);
  }

  /** Give everything that waited in the queue to the relay. */
  async #recover(queue: QueueDefinition, found: string | null): Promise<void> {
    const { store, settings, incidents, log } = this.#options;
    const startedAt = performance.now();
    const subject = `queue/${queue.name}`;
    const { durability } = queue;
    await incidents.open("redis_lost", subject, { found: found === null ? "nothing" : "another epoch", durability });
    const epoch = randomUUID();
    await store.setEpoch(queue, epoch);
    await settings.apply([queue]); // before there is anything to take: a paused queue stays paused
    const redriven = await this.#sendAllAgain(queue);
    const tookMs = Math.round(performance.now() - startedAt);
    log.warn({ queue: queue.name, redriven, tookMs }, "epoch.redriven");
    this.#watchOn();
    await incidents.close("redis_lost", subject, { redriven, tookMs });
    await this.#remember(queue, epoch);
  }

  async #remember({ name }: QueueDefinition, epoch: string): Promise<void> {
    const { database } = this.#options;
    await database.executeSql(
      `insert into ${database.schema}.epochs (queue, epoch) values ($1, $2)
       on conflict (queue) do update set epoch = excluded.epoch, began_at = now()`,
      [name, epoch],
    );
    this.#known.set(name, epoch);
  }

  async #sendAllAgain(queue: QueueDefinition): Promise<number> {
    let total = 0;
    for (let after: string | null = null, more = true; more; ) {
      this.#stop.signal.throwIfAborted();
      const { sent, next } = await this.#options.recovery.sendAllAgain(queue.name, after);
      total += sent;
      after = next;
      more = next !== null;
    }
    return total;
  }

  #watchOn(): void {
    const longest = Math.max(...this.#options.queues.map((queue) => queue.leaseMs));
    this.#watchUntil = Date.now() + leasesToWatch * longest + watchOnMs;
  }

  /** Reconcile the queues while there is a reason to; answers how long to rest at least, ms. */
  async #pass(): Promise<number> {
    if (Date.now() > this.#watchUntil) return 0;
    const startedAt = performance.now();
    for (const queue of this.#options.queues) await this.#options.reconciler.repair(queue, this.#stop.signal);
    return 3 * (performance.now() - startedAt); // at most a quarter of the time is spent on it
  }
}
