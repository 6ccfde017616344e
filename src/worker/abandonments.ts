import { hostname } from "node:os";
import type { Log } from "#core/handler.ts";
import type { Incidents } from "../ledger/incidents.ts";
import type { AbandonedHandler } from "./attempt.ts";

const kind = "handler_ignored_signal";

/**
 * Handlers of this process that were left behind because they ignored their signal. Each is reported by its job's name as
 * an incident, which closes when the last of that job here has ended after all: one that never ends holds memory and
 * connections until the worker is restarted.
 */
export class Abandonments {
  readonly #incidents: Incidents;
  readonly #log: Log;
  readonly #living = new Map<string, number>();

  constructor(options: { incidents: Incidents; log: Log }) {
    this.#incidents = options.incidents;
    this.#log = options.log;
  }

  /** How many are still running, by job. */
  get living(): ReadonlyMap<string, number> {
    return this.#living;
  }

  add({ job, jobId, reason, ignoredForMs, ended }: AbandonedHandler): void {
    const subject = `job/${job.name}`;
    const worker = `${hostname()}/${process.pid}`;
    this.#living.set(job.name, (this.#living.get(job.name) ?? 0) + 1);
    const opened = this.#tell(() =>
      this.#incidents.open(kind, subject, { queue: job.queue.name, jobId, reason, ignoredForMs, worker }),
    );
    void ended.finally(async () => {
      const left = (this.#living.get(job.name) ?? 1) - 1;
      if (left > 0) return void this.#living.set(job.name, left);
      this.#living.delete(job.name);
      await opened; // or it would be opened after it was closed
      if (!this.#living.has(job.name)) await this.#tell(() => this.#incidents.close(kind, subject));
    });
  }

  async #tell(write: () => Promise<unknown>): Promise<void> {
    await write().catch((error: Error) => this.#log.warn({ error: error.message }, "incident.not_recorded"));
  }
}
