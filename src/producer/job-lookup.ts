import type { QueueDefinition } from "#core/queue.ts";
import type { Engine, EngineJob } from "../engines/engine.ts";
import type { AttemptView, JobReader, JobView } from "../ledger/job-reader.ts";
import type { JobState } from "../ledger/job-state.ts";
import { askEngine } from "./ask-engine.ts";

/** A job and where it was found: in the ledger (`engineQueue: null`), or in the engine of a redis-durable queue. */
export interface Found {
  readonly view: JobView;
  readonly engineQueue: QueueDefinition | null;
}

/**
 * Finds a job wherever its record is. Jobs of queues with `durability: "redis"` have no row in the ledger unless they
 * were scheduled far ahead or died; the engine knows them for the queue's retention, in less detail.
 */
export class JobLookup {
  readonly #reader: JobReader;
  readonly #engineOf: (queue: QueueDefinition) => Engine;
  readonly #queues: readonly QueueDefinition[];

  constructor(options: {
    reader: JobReader;
    queues: readonly QueueDefinition[];
    engineOf: (queue: QueueDefinition) => Engine;
  }) {
    this.#reader = options.reader;
    this.#engineOf = options.engineOf;
    this.#queues = options.queues.filter((queue) => queue.durability === "redis");
  }

  /** The job as `tenant` (`null`: anybody) may see it, or `null`. Rejects with StoreUnavailable rather than say "not there". */
  async find(tenant: string | null, id: string): Promise<Found | null> {
    const view = await this.#reader.find(tenant, id);
    if (view) return { view, engineQueue: null };
    const looks = await Promise.all(this.#queues.map((queue) => this.#findIn(queue, tenant, id)));
    return looks.find((found) => found !== null) ?? null;
  }

  /** Look again for a job that was found in an engine: there first, because it is asked often. */
  async findAgain(queue: QueueDefinition, tenant: string | null, id: string): Promise<Found | null> {
    return (await this.#findIn(queue, tenant, id)) ?? this.find(tenant, id);
  }

  async #findIn(queue: QueueDefinition, tenant: string | null, id: string): Promise<Found | null> {
    const job = await askEngine(this.#engineOf(queue), (engine) => engine.find(queue, id));
    // A message without a payload belongs to a ledger row that was pruned, or is another tenant's: not to be told apart.
    if (!job || job.message.payload === undefined || (tenant !== null && job.message.tenant !== tenant)) return null;
    return { view: toView(queue, job), engineQueue: queue };
  }
}

/** An engine keeps less than the ledger: the last attempt only, and neither priority, tags, progress nor correlation id. */
function toView(queue: QueueDefinition, job: EngineJob): JobView {
  const state = stateOf(job);
  const ended = state === "completed" || state === "dead";
  return {
    id: job.message.id,
    job: job.message.job,
    queue: queue.name,
    tenant: job.message.tenant,
    state,
    priority: null,
    attempts: lastAttempt(job, state),
    steps: [],
    progress: { fraction: state === "completed" ? 1 : 0, note: null },
    acceptedAt: new Date(job.acceptedAt).toISOString(),
    runAt: new Date(job.acceptedAt).toISOString(),
    startedAt: iso(job.startedAt),
    finishedAt: ended ? iso(job.finishedAt) : null,
    expiresAt: null,
    tags: [],
    correlationId: null,
    deduplicationKey: job.message.deduplicationKey ?? null,
    batchId: null,
    follows: null,
    result: state === "completed" ? job.result : null,
    error: job.error,
    revision: 1 + job.spent * 3 + (ended ? 2 : state === "running" ? 1 : 0),
  };
}

function stateOf(job: EngineJob): JobState {
  switch (job.state) {
    case "active":
      return "running";
    case "completed":
      return "completed";
    case "failed":
      return "dead";
    case "waiting":
    case "delayed":
      return job.startedAt === null ? "queued" : "retrying";
  }
}

function lastAttempt(job: EngineJob, state: JobState): AttemptView[] {
  if (job.startedAt === null || state === "queued" || state === "retrying") return [];
  const startedAt = new Date(job.startedAt).toISOString();
  if (state === "running")
    return [{ number: job.spent + 1, startedAt, finishedAt: null, outcome: "running", error: null }];
  const outcome = state === "completed" ? "completed" : "failed";
  return [{ number: job.spent, startedAt, finishedAt: iso(job.finishedAt), outcome, error: job.error }];
}

function iso(epochMs: number | null): string | null {
  return epochMs === null ? null : new Date(epochMs).toISOString();
}
