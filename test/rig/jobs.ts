import { z } from "zod";
import { minutes, seconds } from "../../src/core/duration.ts";
import type { Handler } from "../../src/core/handler.ts";
import { defineJob, type JobDefinition } from "../../src/core/job.ts";
import { defineQueue, type QueueDefinition } from "../../src/core/queue.ts";
import { fixed, type RetryPolicy } from "../../src/core/retry.ts";

/** A queue for a test; every knob may be overridden. */
export function testQueue(overrides: Partial<QueueDefinition> = {}): QueueDefinition {
  return defineQueue({
    name: "tests",
    engine: "redis",
    durability: "ledger",
    order: "priority",
    runsIn: "loop",
    concurrency: 10,
    leaseMs: seconds(5),
    maxStalled: 1,
    rateLimit: null,
    drainMs: seconds(5),
    keepCompletedMs: minutes(10),
    keepFailedMs: minutes(10),
    ...overrides,
  });
}

/** A job whose handler is a function of the test. Its payload is any object. */
export function testJob(
  handle: Handler<Record<string, unknown>>,
  overrides: {
    name?: string;
    queue?: QueueDefinition;
    retry?: RetryPolicy;
    timeoutMs?: number;
    payload?: z.ZodType;
    deduplicate?: (payload: never) => string;
    enqueuedBy?: JobDefinition["enqueuedBy"];
  } = {},
): JobDefinition {
  const { name = "tests.run", queue = testQueue(), retry = fixed({ attempts: 3, delayMs: 20 }), ...rest } = overrides;
  return defineJob({
    name,
    summary: "A job of a test.",
    queue,
    payload: z.record(z.string(), z.unknown()),
    result: z.unknown(),
    retry,
    timeoutMs: minutes(1),
    handler: () => Promise.resolve({ handle }),
    ...(rest as object),
  });
}

/** A promise with its handles outside: the handshake between a handler and its test. */
export function gate<T = void>(): { promise: Promise<T>; open: (value: T) => void } {
  const { promise, resolve } = Promise.withResolvers<T>();
  return { promise, open: resolve };
}

/** Resolves when the signal aborts, rejecting with its reason: what a well-behaved handler does. */
export function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}
