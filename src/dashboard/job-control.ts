import type { QueueDefinition } from "#core/queue.ts";
import type { Engine } from "../engines/engine.ts";
import { KeyTaken } from "../ledger/deduplication.ts";
import type { JobReader } from "../ledger/job-reader.ts";
import { isTerminal } from "../ledger/job-state.ts";
import type { Ledger } from "../ledger/ledger.ts";
import { toMessage } from "../producer/message.ts";

/** `asked`: it was running and its signal aborts. `ended`: too late. `unknown`: no such job is waiting. */
export type CancelOutcome = "cancelled" | "asked" | "ended" | "unknown";
/**
 * `not-dead`: nothing to redrive. `settling`: its last attempt is being put away; ask again in a moment. `key-taken`: a
 * newer job has its deduplication key.
 */
export type RedriveOutcome = "redriven" | "not-dead" | "settling" | "key-taken";

/** The part of an engine that moves single jobs. */
type JobHolder = Pick<Engine, "remove" | "forget" | "find" | "dispatch">;

/**
 * What an operator may do to one job, in the order that keeps ledger and engine of one mind: the ledger decides, the
 * engine follows, and what a crash leaves in between is mended by the relay or refused by the ledger at the next start.
 */
export class JobControl {
  readonly #ledger: Ledger;
  readonly #reader: JobReader;
  readonly #engineOf: (queue: QueueDefinition) => JobHolder;

  constructor(options: { ledger: Ledger; reader: JobReader; engineOf: (queue: QueueDefinition) => JobHolder }) {
    this.#ledger = options.ledger;
    this.#reader = options.reader;
    this.#engineOf = options.engineOf;
  }

  /** Cancel a waiting job at once, or ask a running one to stop. Safe to repeat. */
  async cancel(queue: QueueDefinition, id: string): Promise<CancelOutcome> {
    const engine = this.#engineOf(queue);
    const change = await this.#ledger.cancel(null, id);
    // No row: a living job of a redis-durable queue, which is where it waits and nowhere else.
    if (!change) return (await engine.remove(queue, id)) ? "cancelled" : "unknown";
    if (isTerminal(change.before)) return "ended";
    if (change.after === "running") return "asked";
    await engine.remove(queue, id).catch(() => false); // an entry that stays is refused by the ledger when it is claimed
    return "cancelled";
  }

  /** Give a dead job new attempts. The engine forgets the old entry first: it would take no second job of that id. */
  async redrive(queue: QueueDefinition, id: string): Promise<RedriveOutcome> {
    const engine = this.#engineOf(queue);
    const job = await this.#reader.find(null, id);
    if (job?.state !== "dead") return "not-dead";
    if (!(await engine.forget(queue, id)) && (await engine.find(queue, id))) return "settling";
    const due = await this.#ledger.redrive(null, id).catch((error: unknown) => {
      if (error instanceof KeyTaken) return "key-taken" as const;
      throw error;
    });
    if (due === "key-taken") return due;
    if (!due) return "not-dead";
    const [sent] = await engine.dispatch(queue, [toMessage(due)]);
    if (sent?.ok) await this.#ledger.markQueued(id); // else the relay sends it in 3 s
    return "redriven";
  }
}
