import type { Handler } from "#core/handler.ts";
import type { JobDefinition } from "#core/job.ts";

const loaded = new WeakMap<JobDefinition, Handler<unknown>>();

/**
 * The function that does a job, loaded once: to ask the module loader again for every attempt takes 3.5 µs (2026-11-20). One
 * that does not load is asked for again by the next attempt.
 */
export function handlerOf(job: JobDefinition): Handler<unknown> | Promise<Handler<unknown>> {
  return loaded.get(job) ?? load(job);
}

async function load(job: JobDefinition): Promise<Handler<unknown>> {
  const { handle } = (await job.handler()) as { handle: Handler<unknown> };
  loaded.set(job, handle);
  return handle;
}
