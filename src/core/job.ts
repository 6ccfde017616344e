import type { z } from "zod";
import type { FieldProblem } from "./errors.ts";
import type { HandlerModule } from "./handler.ts";
import { namePattern, type QueueDefinition } from "./queue.ts";
import type { RetryPolicy } from "./retry.ts";
import type { Services } from "./services.ts";
import type { SqlRunner } from "./sql.ts";

/** Of the services, those that are there before anything is enqueued. */
export type DoorServices = Pick<Services, "ai" | "blobs" | "recipients">;

/** Where a job asks to be let in. `sql`: the transaction that is to accept it, when there is one already. */
export interface Door {
  readonly tenant: string;
  readonly services: DoorServices;
  readonly sql: SqlRunner | undefined;
}

/**
 * What all jobs of one kind share. A definition is light: it is loaded by every producer, so it imports no PDF, mail or
 * model library; those come with the handler, which only workers load.
 */
export interface JobDefinition<Payload extends z.ZodType = z.ZodType> {
  /** `family.verb-noun`, the same string as the file's path, the metric label and the dashboard title. */
  readonly name: string;
  /** One sentence for `GET /v1/job-types`. */
  readonly summary: string;
  readonly queue: QueueDefinition;
  /**
   * The least role whose key may enqueue it over HTTP; default `producer`. `operator`: work of the house, which a tenant's
   * application has no business starting. Nightshift's own code and SQL transactions are not asked.
   */
  readonly enqueuedBy: "producer" | "operator";
  readonly payload: Payload;
  /** Version of the payload's shape, counted from 1 (the default). Jobs are stored with the version they were made for. */
  readonly version?: number;
  /** From version n to n + 1: jobs that wait since an earlier release are upgraded when they start. */
  readonly upgrade?: Readonly<Record<number, (payload: never) => unknown>>;
  /** Shape of what the handler returns, for `GET /v1/job-types` and typed clients. */
  readonly result: z.ZodType;
  readonly retry: RetryPolicy;
  /** Longest run of one attempt; then its signal aborts and the attempt counts as failed. */
  readonly timeoutMs: number;
  /** Two living jobs of one tenant with the same key are one job. A key given by the caller wins over this one. */
  readonly deduplicate?: (payload: z.output<Payload>) => string;
  /**
   * A last look at the API's door, at all payloads of a request that were found good: rejects when they would be refused
   * anyway, for what only a store knows (a budget that is used up). It reserves nothing; what the house itself enqueues is
   * not asked.
   */
  readonly admit?: (payloads: readonly z.output<Payload>[], door: Door) => Promise<void>;
  /**
   * What in a payload means nothing although it has the right form: names that only a store knows. Every problem by its path
   * in the payload. Asked at the API's door, for jobs and for schedules; the handler must expect that a name is gone since.
   */
  readonly dangling?: (payload: z.output<Payload>, door: Door) => Promise<readonly FieldProblem[]>;
  /** Modules that `ctx.thread` will run, loaded when a thread starts instead of in its first job. */
  readonly threads?: readonly URL[];
  readonly handler: () => Promise<HandlerModule>;
}

/** What may be left out of a declaration. */
type Defaults = "enqueuedBy";

/** Declare a job. Throws a RangeError when the name or the timeout cannot work. */
export function defineJob<Payload extends z.ZodType>(
  job: Omit<JobDefinition<Payload>, Defaults> & Partial<Pick<JobDefinition<Payload>, Defaults>>,
): JobDefinition<Payload> {
  if (!namePattern.test(job.name) || !job.name.includes("."))
    throw new RangeError(`Expected a job name like "family.verb-noun" in [a-z0-9.-], found "${job.name}"`);
  if (!(job.timeoutMs > 0)) throw new RangeError(`Job "${job.name}": expected timeoutMs > 0, found ${job.timeoutMs}`);
  const { version = 1, upgrade = {} } = job;
  if (!Number.isInteger(version) || version < 1)
    throw new RangeError(`Job "${job.name}": expected version to be an integer ≥ 1, found ${version}`);
  const stray = Object.keys(upgrade).filter((from) => !(Number(from) >= 1 && Number(from) < version));
  if (stray.length > 0)
    throw new RangeError(
      `Job "${job.name}": expected upgrades from versions 1 to ${version - 1}, found ${stray.join(", ")}`,
    );
  return { enqueuedBy: "producer", ...job, handler: once(job.handler) };
}

/** Loads at the first call; again only when that failed. An `import()` for each attempt would cost more than many a job. */
function once(load: () => Promise<HandlerModule>): () => Promise<HandlerModule> {
  let loading: Promise<HandlerModule> | null = null;
  return () => {
    loading ??= load().catch((error: unknown) => {
      loading = null;
      throw error;
    });
    return loading;
  };
}

/** Whether this release can read a payload of that version. */
export function canRead(job: JobDefinition, version: number): boolean {
  const { version: current = 1, upgrade = {} } = job;
  for (let from = version; from < current; from += 1) if (!upgrade[from]) return false;
  return version <= current;
}

/** Bring a payload of an older version to the present shape. Throws a RangeError when there is no way. */
export function upgraded(job: JobDefinition, version: number, payload: unknown): unknown {
  const { version: current = 1, upgrade = {} } = job;
  let value = payload;
  for (let from = version; from < current; from += 1) {
    const step = upgrade[from];
    if (!step) throw new RangeError(`Job "${job.name}": expected an upgrade from payload version ${from}, found none`);
    value = step(value as never);
  }
  return value;
}
