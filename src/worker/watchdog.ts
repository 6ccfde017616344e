import { hostname } from "node:os";
import type { Clock } from "#core/clock.ts";
import { seconds } from "#core/duration.ts";
import { NightshiftError } from "#core/errors.ts";
import type { Log } from "#core/handler.ts";
import type { Incidents } from "../ledger/incidents.ts";
import type { WorkerPool } from "./pool.ts";
import { type Sight, Silence } from "./silence.ts";

export const defaultSilenceMs = seconds(30);
const looksPerLimit = 6;

/** A pool was rebuilt because it took nothing, and has not taken anything since. */
export class PoolSilent extends NightshiftError {
  readonly code = "pool_silent";

  constructor(queues: readonly string[]) {
    super(`Expected every pool to take ready work, found silent: ${queues.join(", ")}`, { queues });
  }
}

/**
 * Looks after the pools of a worker, because a worker that lost its queue looks healthy from everywhere else: the process
 * lives, its stores answer, and nothing is done. A silent pool (`silence.ts`) gets a new consumer; an incident
 * `worker_silent` says what was seen, until the pool works again.
 */
export class Watchdog {
  readonly #pools: readonly WorkerPool[];
  readonly #silences: ReadonlyMap<WorkerPool, Silence>;
  readonly #incidents: Incidents;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #everyMs: number;
  readonly #onRebuilt: (queue: string) => void;
  readonly #unheard = new Set<WorkerPool>();
  #timer: NodeJS.Timeout | null = null;
  #looking: Promise<unknown> | null = null;

  constructor(options: {
    pools: readonly WorkerPool[];
    incidents: Incidents;
    clock: Clock;
    log: Log;
    silenceMs?: number | undefined;
    onRebuilt?: ((queue: string) => void) | undefined;
  }) {
    const silenceMs = options.silenceMs ?? defaultSilenceMs;
    this.#pools = options.pools;
    this.#silences = new Map(options.pools.map((pool) => [pool, new Silence(silenceMs)]));
    this.#incidents = options.incidents;
    this.#clock = options.clock;
    this.#log = options.log;
    this.#everyMs = silenceMs / looksPerLimit;
    this.#onRebuilt = options.onRebuilt ?? (() => undefined);
    for (const pool of options.pools) this.#unheard.add(pool);
  }

  start(): void {
    this.#timer ??= setInterval(() => this.#look(), this.#everyMs);
  }

  /** Resolves when no look is on its way. */
  async stop(): Promise<void> {
    if (this.#timer) clearInterval(this.#timer);
    this.#timer = null;
    await this.#looking;
  }

  /** A probe of `/readyz`. Rejects with PoolSilent. */
  async check(): Promise<void> {
    const silent = this.#pools.filter((pool) => this.#silences.get(pool)!.suspect).map((pool) => pool.queue.name);
    if (silent.length > 0) throw new PoolSilent(silent);
  }

  /** For how long each pool has been silent; 0 for one that is not. */
  silences(): { readonly queue: string; readonly silentMs: number }[] {
    const now = this.#clock.now();
    return this.#pools.map((pool) => ({
      queue: pool.queue.name,
      silentMs: Math.max(0, this.#silences.get(pool)!.lastedMs(now)),
    }));
  }

  #look(): void {
    this.#looking ??= Promise.all(this.#pools.map((pool) => this.#lookAt(pool))).finally(() => {
      this.#looking = null;
    });
  }

  /** Never rejects. */
  async #lookAt(pool: WorkerPool): Promise<void> {
    try {
      const ready = await pool.ready().catch(() => null);
      const { free, takenAt } = pool;
      const sight: Sight = { at: this.#clock.now(), ready, free, takenAt, pulse: pool.pulse() };
      const silence = this.#silences.get(pool)!;
      const lastedMs = silence.lastedMs(sight.at);
      const finding = silence.see(sight);
      if (finding === "rebuild") await this.#rebuild(pool, sight, lastedMs);
      // A process before this one may have left an incident open: the first job taken shows that it is over.
      else if (finding === "recovered" || (takenAt !== null && !silence.suspect && this.#unheard.has(pool)))
        await this.#recovered(pool);
    } catch (error) {
      this.#log.warn({ queue: pool.queue.name, error: (error as Error).message }, "watchdog.look_failed");
    }
  }

  async #rebuild(pool: WorkerPool, sight: Sight, silentMs: number): Promise<void> {
    const { ready, free, takenAt, pulse } = sight;
    const seen = {
      queue: pool.queue.name,
      worker: `${hostname()}/${process.pid}`,
      silentMs,
      ready,
      free,
      takenAt: takenAt === null ? null : new Date(takenAt).toISOString(),
      ...pulse.seen,
    };
    this.#log.error(seen, "pool.rebuilt");
    this.#onRebuilt(pool.queue.name);
    await pool.rebuild();
    await this.#incidents.open("worker_silent", `queue/${pool.queue.name}`, seen);
  }

  async #recovered(pool: WorkerPool): Promise<void> {
    if (await this.#incidents.close("worker_silent", `queue/${pool.queue.name}`))
      this.#log.info({ queue: pool.queue.name }, "pool.recovered");
    this.#unheard.delete(pool); // after the write: one that failed is made up for at the next look
  }
}
