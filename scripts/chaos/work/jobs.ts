import { z } from "zod";
import { batchSummary } from "#core/batch.ts";
import { seconds } from "#core/duration.ts";
import { defineJob, type JobDefinition } from "#core/job.ts";
import type { QueueDefinition } from "#core/queue.ts";
import { fixed } from "#core/retry.ts";
import { inOrder, onPostgres, onRedis } from "./queues.ts";

/** What a completed job returns. The verdict compares it with the attempt that the ledger says has completed it. */
export const result = z.object({
  attempt: z.int(),
  worker: z.string(),
  /** Names this execution. */
  run: z.string(),
  /** What its steps were worth: the executions that did them. */
  steps: z.array(z.string()).optional(),
  /** Ids of the children it made. */
  children: z.array(z.string()).optional(),
});
export type ChaosResult = z.infer<typeof result>;

/** An effect, then so much more time, in which a fault may come. */
export const effectPayload = z.object({ runMs: z.int() });
export const slowPayload = z.object({
  runMs: z.int(),
  /** Goes on although its signal says stop, as much code does. */
  deaf: z.boolean(),
});
export const flakyPayload = z.object({
  /** So many attempts fail before one does not. */
  failures: z.int(),
  ending: z.enum(["complete", "die", "cancel"]),
});
export const stepsPayload = z.object({ runMs: z.int(), failures: z.int() });
export const parentPayload = z.object({ children: z.int(), failures: z.int() });
export const batchDonePayload = z.object({ batch: batchSummary.optional() });

/** How many of each there are is not the verdict's business, so a job's kind is the last part of its name. */
export type ChaosKind = "effect-keyed" | "effect-plain" | "slow" | "flaky" | "steps" | "parent" | "batch-done";

export function kindOf(job: string): ChaosKind {
  return job.slice(job.indexOf(".") + 1) as ChaosKind;
}

/**
 * The jobs of one engine's queue. Enough attempts that only those die that are meant to: an outage of the stores must not
 * use them up.
 */
function jobsOn(queue: QueueDefinition): readonly JobDefinition[] {
  const common = { queue, result, timeoutMs: seconds(20), retry: fixed({ attempts: 10, delayMs: 200 }) };
  const define = (kind: ChaosKind, summary: string, payload: z.ZodType, handler: JobDefinition["handler"]) =>
    defineJob({ ...common, name: `${queue.name}.${kind}`, summary, payload, handler });
  return [
    define(
      "effect-keyed",
      "Has a side effect under a unique key: doing it again changes nothing.",
      effectPayload,
      () => import("./effect-keyed.handler.ts"),
    ),
    define(
      "effect-plain",
      "Has a side effect that is not idempotent, on purpose: each repeat can be counted.",
      effectPayload,
      () => import("./effect-plain.handler.ts"),
    ),
    define(
      "slow",
      "Takes seconds, mostly stops at its signal, then writes to Postgres while it holds its job, and has a keyed effect.",
      slowPayload,
      () => import("./slow.handler.ts"),
    ),
    define(
      "flaky",
      "Fails some times, then completes with a keyed effect, dies or cancels itself.",
      flakyPayload,
      () => import("./flaky.handler.ts"),
    ),
    define(
      "steps",
      "Two steps with a plain effect each, and failures in between.",
      stepsPayload,
      () => import("./steps.handler.ts"),
    ),
    define(
      "parent",
      "Makes children in every attempt; only those of the attempt that completes may ever be.",
      parentPayload,
      () => import("./parent.handler.ts"),
    ),
    define(
      "batch-done",
      "Completes a batch, with a keyed effect.",
      batchDonePayload,
      () => import("./batch-done.handler.ts"),
    ),
  ];
}

export const chaosQueues = [onRedis, inOrder, onPostgres];
export const chaosJobs = chaosQueues.flatMap(jobsOn);
