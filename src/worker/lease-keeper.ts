import type { Log } from "#core/handler.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { Attempt } from "./attempt.ts";
import { LeaseLost } from "./interruption.ts";

/**
 * Keeps the ledger's leases of a pool's running attempts alive: one statement for all of them, three times per lease. An
 * attempt whose job is in other hands by now is interrupted. While Postgres is away nothing is renewed and nothing is
 * interrupted: nobody else can take a job over either.
 */
export class LeaseKeeper {
  readonly #ledger: Pick<Ledger, "renew">;
  readonly #leaseMs: number;
  readonly #attempts: ReadonlySet<Attempt>;
  readonly #log: Log;
  #timer: NodeJS.Timeout | null = null;
  #renewing = false;

  constructor(options: {
    ledger: Pick<Ledger, "renew">;
    leaseMs: number;
    attempts: ReadonlySet<Attempt>;
    log: Log;
  }) {
    this.#ledger = options.ledger;
    this.#leaseMs = options.leaseMs;
    this.#attempts = options.attempts;
    this.#log = options.log;
  }

  start(): void {
    this.#timer ??= setInterval(() => void this.#renew(), this.#leaseMs / 3);
  }

  stop(): void {
    if (this.#timer) clearInterval(this.#timer);
    this.#timer = null;
  }

  /** Never rejects. */
  async #renew(): Promise<void> {
    const held = [...this.#attempts].flatMap((attempt) =>
      attempt.lease === null ? [] : [{ attempt, id: attempt.jobId, lease: attempt.lease }],
    );
    if (this.#renewing || held.length === 0) return;
    this.#renewing = true;
    try {
      const kept = await this.#ledger.renew(held, this.#leaseMs);
      // One that settled meanwhile is not held any more either: its lease is null by now, or its outcome is decided.
      for (const { attempt, id } of held)
        if (!kept.has(id) && attempt.lease !== null && !(await attempt.regain()) && attempt.lease !== null)
          attempt.interrupt(new LeaseLost());
    } catch (error) {
      this.#log.warn({ error: (error as Error).message, attempts: held.length }, "leases.not_renewed");
    } finally {
      this.#renewing = false;
    }
  }
}
