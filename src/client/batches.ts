import type { BatchView } from "../ledger/batches.ts";
import type { EnqueueOptions } from "../producer/options.ts";
import type { Http } from "./http.ts";
import { pause } from "./pause.ts";

export type Batch = BatchView;

/** A job as the API takes it. */
export interface BatchJob extends EnqueueOptions {
  readonly job: string;
  readonly payload: unknown;
}

export interface BatchOptions {
  /** Accepted once, when all jobs have ended. Where its payload has a field `batch`, that field is added. */
  readonly completion?: Pick<EnqueueOptions, "priority" | "tags" | "correlationId"> & {
    readonly job: string | { readonly name: string };
    readonly payload?: unknown;
  };
  /** Makes it safe to call again: the same key with the same jobs is the same batch. */
  readonly idempotencyKey?: string;
}

/** What fits into one request: the API takes bodies up to 1 MiB. */
const requestBytes = 1_000_000;
const pollMs = 1_000;

/** Jobs that belong together. */
export class BatchCalls {
  readonly #http: Http;

  constructor(http: Http) {
    this.#http = http;
  }

  /**
   * Enqueue up to 10,000 jobs as one batch. In one request, all or nothing, where they fit into one; else in several: when
   * one of those fails, the jobs before it run, and the batch stays unsealed unless this is called again with the same key.
   */
  async create(jobs: readonly BatchJob[], { completion, idempotencyKey }: BatchOptions = {}): Promise<Batch> {
    const [first = [], ...rest] = inRequests(jobs);
    const part = (index: number) =>
      idempotencyKey === undefined
        ? {}
        : { "idempotency-key": index === 0 ? idempotencyKey : `${idempotencyKey}/${index}` };
    const body = {
      jobs: first,
      ...(completion && { completion: { ...completion, job: nameOf(completion.job) } }),
      ...(rest.length > 0 && { open: true }),
    };
    const batch = await this.#http.json<Batch>("/v1/batches", { body, headers: part(0) });
    if (rest.length === 0) return batch;
    for (const [index, more] of rest.entries())
      await this.#http.json(`${batchPath(batch.id)}/jobs`, { body: { jobs: more }, headers: part(index + 1) });
    return this.seal(batch.id);
  }

  /** Make a batch without jobs, to be filled with `append` and closed with `seal`. */
  open({ completion, idempotencyKey }: BatchOptions = {}): Promise<Batch> {
    return this.#http.json("/v1/batches", {
      body: { open: true, ...(completion && { completion: { ...completion, job: nameOf(completion.job) } }) },
      headers: idempotencyKey === undefined ? {} : { "idempotency-key": idempotencyKey },
    });
  }

  /** Add jobs to an open batch: all of them, or none and a ProblemError. */
  append(
    id: string,
    jobs: readonly BatchJob[],
    { idempotencyKey }: Pick<BatchOptions, "idempotencyKey"> = {},
  ): Promise<Batch> {
    const headers = idempotencyKey === undefined ? {} : { "idempotency-key": idempotencyKey };
    return this.#http.json(`${batchPath(id)}/jobs`, { body: { jobs }, headers });
  }

  /** No more jobs come. Safe to repeat. */
  seal(id: string): Promise<Batch> {
    return this.#http.json(`${batchPath(id)}/seal`, { method: "POST" });
  }

  get(id: string): Promise<Batch> {
    return this.#http.json(batchPath(id));
  }

  /** Wait until a batch has finished, looking every second; at most `timeoutMs`: look at `finishedAt`. */
  async wait(
    id: string,
    { timeoutMs = Number.POSITIVE_INFINITY, signal }: { timeoutMs?: number; signal?: AbortSignal } = {},
  ): Promise<Batch> {
    const until = Date.now() + timeoutMs;
    for (;;) {
      const batch = await this.#http.json<Batch>(batchPath(id), { signal });
      const left = until - Date.now();
      if (batch.finishedAt !== null || left <= 0) return batch;
      await pause(Math.min(left, pollMs), signal);
    }
  }
}

/** Cut where a body would become too large. A job too large for a body of its own is refused by the API, not here. */
function inRequests(jobs: readonly BatchJob[]): BatchJob[][] {
  const requests: BatchJob[][] = [[]];
  let bytes = 0;
  for (const job of jobs) {
    const size = Buffer.byteLength(JSON.stringify(job)) + 1;
    if (bytes + size > requestBytes && requests.at(-1)!.length > 0) {
      requests.push([]);
      bytes = 0;
    }
    requests.at(-1)!.push(job);
    bytes += size;
  }
  return requests;
}

function nameOf(job: string | { readonly name: string }): string {
  return typeof job === "string" ? job : job.name;
}

function batchPath(id: string): string {
  return `/v1/batches/${encodeURIComponent(id)}`;
}
