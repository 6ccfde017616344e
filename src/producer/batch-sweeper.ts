import { completionPayload } from "#core/batch.ts";
import type { Catalog } from "#core/catalog.ts";
import { type ErrorSummary, InvalidInput, summarize, UnknownJob } from "#core/errors.ts";
import type { Log } from "#core/handler.ts";
import { upgraded } from "#core/job.ts";
import type { Batches, Completion, Finish, ReadyBatch } from "../ledger/batches.ts";
import type { Listener } from "../ledger/listener.ts";
import type { OwnTransaction, Producer } from "./producer.ts";

const pollMs = 1_000;
/** Many jobs end at once: a sweep looks after all that ended in so long. */
const gatherMs = 200;

/**
 * Finishes batches whose last job has ended, and accepts their completion jobs. Looks at what is, not at who ended what: so
 * nothing is missed when whoever ended the last job crashed. The end and the completion job are one commit, and a batch
 * is locked while it is finished: of any number of sweepers one does it, once.
 */
export class BatchSweeper {
  readonly #batches: Batches;
  readonly #producer: Producer;
  readonly #catalog: Catalog;
  readonly #listener: Listener;
  readonly #log: Log;
  #timer: NodeJS.Timeout | null = null;
  #dueAt = Number.POSITIVE_INFINITY;
  #pass: Promise<void> | null = null;
  #stopped = false;
  #unhear: (() => void) | null = null;

  constructor(options: { batches: Batches; producer: Producer; catalog: Catalog; listener: Listener; log: Log }) {
    this.#batches = options.batches;
    this.#producer = options.producer;
    this.#catalog = options.catalog;
    this.#listener = options.listener;
    this.#log = options.log;
  }

  async start(): Promise<void> {
    this.#unhear = this.#listener.on("jobs", () => this.#wakeIn(gatherMs));
    this.#wakeIn(0);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#unhear?.();
    if (this.#timer) clearTimeout(this.#timer);
    await this.#pass;
  }

  /** Finish every batch that can be. Resolves with how many were. */
  async sweep(): Promise<number> {
    const skip: string[] = [];
    for (let finished = 0; ; ) {
      if (this.#stopped) return finished;
      const outcome = await this.#producer.transaction((own) => this.#finishOne(own, skip));
      if (outcome === "none") return finished;
      if (outcome === "finished") finished += 1;
    }
  }

  #wakeIn(ms: number): void {
    const dueAt = performance.now() + ms;
    if (this.#stopped || this.#pass || dueAt >= this.#dueAt) return;
    if (this.#timer) clearTimeout(this.#timer);
    this.#dueAt = dueAt;
    this.#timer = setTimeout(() => {
      this.#pass = this.sweep()
        .then(() => undefined)
        .catch((error: Error) => this.#log.warn({ error: error.message }, "batches.sweep_failed"))
        .finally(() => {
          this.#pass = null;
          this.#dueAt = Number.POSITIVE_INFINITY;
          this.#wakeIn(pollMs);
        });
    }, ms);
  }

  async #finishOne(own: OwnTransaction, skip: string[]): Promise<"finished" | "none" | "skipped"> {
    const batch = await this.#batches.claimReady(own.in, skip);
    if (!batch) return "none";
    const { id: batchId, total, counts } = batch.summary;
    skip.push(batchId); // once per sweep, whatever comes of it
    const finish = await this.#complete(own, batch);
    if (!finish) return "skipped";
    if (!(await this.#batches.finish(own.in, batch.summary, finish))) return "skipped";
    own.afterCommit(() => this.#log.info({ batchId, total, ...counts }, "batch.finished"));
    return "finished";
  }

  /** `null`: this release does not know the job; one that does will finish the batch. */
  async #complete(own: OwnTransaction, { tenant, completion, summary }: ReadyBatch): Promise<Finish | null> {
    if (!completion) return { completionJobId: null, completionError: null };
    try {
      const job = this.#catalog.get(completion.job);
      const payload = upgraded(job, completion.payloadVersion, completion.payload);
      const options = completion.options;
      const { traceparent } = completion;
      const given = completionPayload(job, payload, summary);
      const receipt = await this.#producer.enqueue(tenant, job, given, options, { ...own, traceparent });
      return { completionJobId: receipt.id, completionError: null };
    } catch (error) {
      if (error instanceof UnknownJob) {
        this.#log.error({ batchId: summary.id, job: completion.job }, "batch.completion_unknown");
        return null;
      }
      return { completionJobId: null, completionError: this.#refused(error, summary.id, completion) };
    }
  }

  /** A payload that fitted at the door and fits no longer: the batch ends all the same, and says so. Else throws on. */
  #refused(error: unknown, batchId: string, { job }: Completion): ErrorSummary {
    if (!(error instanceof InvalidInput || error instanceof RangeError)) throw error;
    const summary =
      error instanceof RangeError ? { code: "payload_unreadable", message: error.message } : summarize(error);
    this.#log.error({ batchId, job, code: summary.code, reason: summary.message }, "batch.completion_refused");
    return summary;
  }
}
