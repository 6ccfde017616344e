import { type Clock, systemClock } from "#core/clock.ts";
import { seconds } from "#core/duration.ts";
import type { Database } from "../ledger/database.ts";
import { Cached } from "./cached.ts";
import { withDeadline } from "./deadline.ts";

/** Asks one thing whether it works: resolves when it does, rejects when it does not. */
export type Probe = () => Promise<unknown>;

export interface HealthCheck {
  readonly name: string;
  readonly ok: boolean;
  /** Why not: an error's code or class, never its message, which may name hosts or users. */
  readonly detail?: string;
}

const defaults = { timeoutMs: seconds(1), freshMs: seconds(1) };

/**
 * Whether the things this process stands on answer. All probes run at once, each with its own deadline; an answer is
 * reused for a second, so that a load balancer's zeal costs one query per second.
 */
export class Health {
  readonly #probes: (readonly [string, Probe])[];
  readonly #timeoutMs: number;
  readonly #checks: Cached<readonly HealthCheck[]>;

  constructor(
    probes: Readonly<Record<string, Probe>>,
    options: { timeoutMs?: number; freshMs?: number; clock?: Clock } = {},
  ) {
    const { timeoutMs, freshMs, clock } = { ...defaults, clock: systemClock, ...options };
    this.#probes = Object.entries(probes);
    this.#timeoutMs = timeoutMs;
    this.#checks = new Cached(freshMs, clock, () => Promise.all(this.#probes.map((probe) => this.#check(...probe))));
  }

  /** Ask another thing too. */
  watch(name: string, probe: Probe): void {
    this.#probes.push([name, probe]);
  }

  /** One entry per probe, in the order given. Never rejects. */
  checks(): Promise<readonly HealthCheck[]> {
    return this.#checks.get();
  }

  async #check(name: string, probe: Probe): Promise<HealthCheck> {
    try {
      await withDeadline(this.#timeoutMs, probe());
      return { name, ok: true };
    } catch (error) {
      return { name, ok: false, detail: reason(error) };
    }
  }
}

/** Postgres answers a statement. One that does not is given up with its connection, so that hung probes cannot drain the pool. */
export function postgresProbe(database: Database, timeoutMs: number = defaults.timeoutMs): Probe {
  return () => database.pool.query({ text: "select 1", query_timeout: timeoutMs } as { text: string });
}

function reason(error: unknown): string {
  if (error instanceof Error) return "code" in error && typeof error.code === "string" ? error.code : error.name;
  return typeof error;
}
