import type { z } from "zod";
import { completionPayload } from "#core/batch.ts";
import { type FieldProblem, InvalidInput, NightshiftError } from "#core/errors.ts";
import type { JobDefinition } from "#core/job.ts";
import { toProblems } from "#core/problems.ts";
import type { SqlRunner } from "#core/sql.ts";
import type { Batches, BatchView, Completion } from "../ledger/batches.ts";
import { newJobId } from "./job-id.ts";
import { enqueueOptions } from "./options.ts";
import type { EnqueueContext, Entry, Producer } from "./producer.ts";

export const maxBatchJobs = 10_000;

/** What may be said of a completion job: it is due at once, and there is one of it. */
export const completionOptions = enqueueOptions.pick({ priority: true, tags: true, correlationId: true });

export interface CompletionEntry {
  readonly job: JobDefinition;
  readonly payload: unknown;
  readonly options: unknown;
}

/** No batch of that id, or none that this tenant may see. */
export class BatchNotFound extends NightshiftError {
  readonly code = "batch_not_found";

  constructor(id: string) {
    super(`Expected the id of a batch that is kept, found none for "${id}"`);
  }
}

/** The batch was sealed: what waits for it may already have happened. */
export class BatchSealed extends NightshiftError {
  readonly code = "batch_sealed";

  constructor() {
    super("Expected a batch that was made with `open` and not sealed yet, found a sealed one: make another batch");
  }
}

/**
 * Fills batches. A batch and its jobs commit together: there is no batch without its jobs, and no job whose batch does not
 * wait for it.
 */
export class BatchProducer {
  readonly #producer: Producer;
  readonly #batches: Batches;

  constructor(producer: Producer, batches: Batches) {
    this.#producer = producer;
    this.#batches = batches;
  }

  /** Make a batch and fill it; `open`: more jobs come. Rejects with InvalidInput, every problem by its path. */
  async create(
    tenant: string,
    batch: { readonly entries: readonly Entry[]; readonly completion: CompletionEntry | null; readonly open: boolean },
    context: EnqueueContext,
  ): Promise<BatchView> {
    const { entries, completion, open } = batch;
    const id = newJobId();
    return this.#within(context, async (own) => {
      await this.#batches.create(own.in, id, tenant, completion && toCompletion(completion, context.traceparent));
      await this.#fill(tenant, id, entries, own);
      if (!open) await this.#batches.seal(own.in, tenant, id);
      return (await this.#batches.find(tenant, id, own.in))!;
    });
  }

  /** Add jobs to an open batch. Rejects with BatchNotFound, BatchSealed or InvalidInput. */
  async append(tenant: string, id: string, entries: readonly Entry[], context: EnqueueContext): Promise<BatchView> {
    return this.#within(context, async (own) => {
      const batch = await this.#batches.lock(own.in, tenant, id);
      if (!batch) throw new BatchNotFound(id);
      if (batch.sealed) throw new BatchSealed();
      if (batch.total + entries.length > maxBatchJobs)
        throw new InvalidInput("The jobs were refused", [
          { path: "jobs", message: `Expected at most ${maxBatchJobs - batch.total} more jobs`, code: "too_big" },
        ]);
      await this.#fill(tenant, id, entries, own);
      return (await this.#batches.find(tenant, id, own.in))!;
    });
  }

  /** Take no more jobs: the batch finishes when those it has have ended. Safe to repeat. Rejects with BatchNotFound. */
  async seal(tenant: string | null, id: string): Promise<BatchView> {
    return this.#within({}, async (own) => {
      if (!(await this.#batches.seal(own.in, tenant, id))) throw new BatchNotFound(id);
      return (await this.#batches.find(tenant, id, own.in))!;
    });
  }

  /** Every problem for which a completion would be refused; its payload is checked as it will be. */
  checkCompletion({ job, payload, options }: CompletionEntry): readonly FieldProblem[] {
    const said = completionOptions.safeParse(options);
    if (!said.success) return said.error.issues.flatMap((issue) => toProblems(issue, []));
    if (typeof payload === "object" && payload !== null && "batch" in completed(job, {}) && "batch" in payload)
      return [{ path: "payload.batch", message: "Expected no such field: it is added when the batch has finished" }];
    return this.#producer.check({ job, payload: completed(job, payload), options: said.data });
  }

  async #fill(tenant: string, id: string, entries: readonly Entry[], context: EnqueueContext & { in: SqlRunner }) {
    if (entries.length === 0) return;
    const receipts = await this.#producer.enqueueMany(tenant, entries, { ...context, batchId: id });
    const joined = receipts.filter(({ duplicate }) => duplicate).length;
    await this.#batches.count(context.in, id, receipts.length - joined, joined);
  }

  /** In the transaction of the context, or in one of our own. */
  #within<T>(
    context: EnqueueContext,
    work: (own: EnqueueContext & { readonly in: SqlRunner }) => Promise<T>,
  ): Promise<T> {
    if (context.in) return work({ ...context, in: context.in });
    return this.#producer.transaction((own) => work({ ...context, ...own }));
  }
}

/** The payload as the schema will see it: of a batch of which nothing is known yet. */
function completed(job: JobDefinition, payload: unknown): object {
  const counts = { completed: 0, dead: 0, cancelled: 0, expired: 0 };
  return completionPayload(job, payload, { id: newJobId(), total: 0, counts }) as object;
}

function toCompletion({ job, payload, options }: CompletionEntry, traceparent: string | undefined): Completion {
  const said = options as z.input<typeof completionOptions>;
  return { job: job.name, payload, payloadVersion: job.version ?? 1, options: said, traceparent };
}
