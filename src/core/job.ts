import type { z } from "zod";
import type { HandlerModule } from "./handler.ts";
import { namePattern, type QueueDefinition } from "./queue.ts";
import type { RetryPolicy } from "./retry.ts";

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
  /** Shape of what the handler returns, for `GET /v1/job-types` and typed clients. */
  readonly result: z.ZodType;
  readonly retry: RetryPolicy;
  /** Longest run of one attempt; then its signal aborts and the attempt counts as failed. */
  readonly timeoutMs: number;
  /** Two living jobs of one tenant with the same key are one job. A key given by the caller wins over this one. */
  readonly deduplicate?: (payload: z.output<Payload>) => string;
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
  return { enqueuedBy: "producer", ...job };
}
