import type { Request, Response } from "express";
import { z } from "zod";
import { JobNotFound } from "#core/errors.ts";
import type { JobView } from "../../ledger/job-reader.ts";
import type { Cancellation } from "../../producer/cancellation.ts";
import type { JobLookup } from "../../producer/job-lookup.ts";
import type { Redrive } from "../../producer/redrive.ts";
import type { JobWatch } from "../job-watch.ts";
import { type Operation, parseQuery, uuidParam } from "../operation.ts";
import { jobView } from "../shapes.ts";
import { waitText } from "../wait.ts";

const waitQuery = z.strictObject({
  wait: waitText
    .optional()
    .describe("Answer when the job has ended, or after this long: `500ms`, `30s`, `1m` (the most)."),
});

export const jobParams = z.object({ id: z.uuid().describe("The receipt's `id`.") });

/**
 * GET /v1/jobs/{id}: the job as it is. With `?wait=30s` the answer is held until the job has ended, at most so long, and
 * then is the job as it is. 200 · 404 no such job.
 */
export function getJobRoute({ lookup, watch }: { lookup: JobLookup; watch: JobWatch }): Operation {
  return {
    name: "jobs.get",
    tag: "Follow work",
    method: "get",
    path: "/v1/jobs/{id}",
    summary: "Read a job, or wait for it",
    description:
      "The state, every attempt, the result or the error. With `wait` this is a long poll: look at `state`, and ask " +
      "again while it is open.",
    needs: "read",
    params: jobParams,
    query: waitQuery,
    answers: { 200: { description: "The job.", schema: jobView } },
    problems: ["job_not_found", "invalid_input"],
    async handle({ req, res, caller }) {
      const { wait = 0 } = parseQuery(waitQuery, req);
      const id = requireId(req);
      const view =
        wait > 0
          ? await waitForEnd(watch, caller.actsFor, id, wait, res)
          : (await lookup.find(caller.actsFor, id))?.view;
      if (!view) throw new JobNotFound(id);
      res.json(view);
    },
  };
}

const cancelQuery = z.strictObject({
  children: z
    .enum(["true", "false"])
    .default("false")
    .describe("`true`: the jobs that its handler enqueued as well, and theirs, and so on."),
});

/**
 * DELETE /v1/jobs/{id}: a waiting job is cancelled at once, a running one through its handler's signal; with
 * `?children=true` its descendants too.
 * 200 cancelled · 202 asked to stop · 404 no such job · 409 it has ended, or runs where it cannot be stopped.
 */
export function cancelJobRoute({ cancellation }: { cancellation: Cancellation }): Operation {
  return {
    name: "jobs.cancel",
    tag: "Steer work",
    method: "delete",
    path: "/v1/jobs/{id}",
    summary: "Cancel a job",
    description:
      "A waiting job ends `cancelled` at once. A running one is told to stop; follow it to see whether it did, because " +
      'work that is finished in the same moment stays finished. Jobs of a queue with `durability: "redis"` can be ' +
      "cancelled while they wait, and are then forgotten.\n\nWith `children=true` the jobs that its handler enqueued are " +
      "cancelled as well, also when the job itself has ended. A handler that completes while it is told to stop may " +
      "still leave children: send the request again once the job has ended.",
    needs: "enqueue",
    params: jobParams,
    query: cancelQuery,
    answers: {
      200: { description: "Cancelled: it will not run.", schema: jobView },
      202: { description: "It runs (or one of its children does), and was asked to stop.", schema: jobView },
    },
    problems: ["job_not_found", "job_already_ended", "job_is_running", "invalid_input"],
    async handle({ req, res, caller }) {
      const { children } = parseQuery(cancelQuery, req);
      const { asked, view } = await cancellation.cancel(caller.actsFor, requireId(req), {
        children: children === "true",
      });
      res.status(asked ? 202 : 200).json(view);
    },
  };
}

/**
 * POST /v1/jobs/{id}/redrive: a dead job gets new attempts, under the same id.
 * 202 · 404 no such job · 409 not dead, or not yet put away.
 */
export function redriveJobRoute({ redrive, lookup }: { redrive: Redrive; lookup: JobLookup }): Operation {
  return {
    name: "jobs.redrive",
    tag: "Steer work",
    method: "post",
    path: "/v1/jobs/{id}/redrive",
    summary: "Redrive a dead job",
    description: "New attempts for a dead letter, due now, under the same id. Mend what killed it first.",
    needs: "operate",
    params: jobParams,
    answers: { 202: { description: "Accepted again.", schema: jobView } },
    problems: ["job_not_found", "job_not_dead", "job_settling", "unknown_job", "queue_gone", "key_taken"],
    async handle({ req, res, caller }) {
      const id = requireId(req);
      await redrive.redrive(caller.actsFor, id);
      const found = await lookup.find(caller.actsFor, id);
      if (!found) throw new JobNotFound(id);
      res.status(202).location(`/v1/jobs/${id}`).json(found.view);
    },
  };
}

/** The `{id}` of the path. Throws JobNotFound for what cannot be an id: no job has it. */
export function requireId(req: Request): string {
  const id = uuidParam(req, "id");
  if (id === null) throw new JobNotFound(String(req.params.id).slice(0, 80));
  return id;
}

/** The last view seen when the job has ended, the time is over, the caller is gone, or the process stops. */
export async function waitForEnd(watch: JobWatch, tenant: string | null, id: string, waitMs: number, res: Response) {
  const over = new AbortController();
  const timer = setTimeout(() => over.abort(), waitMs);
  const gone = () => over.abort();
  res.once("close", gone);
  try {
    let last: JobView | undefined;
    for await (const view of watch.follow(tenant, id, over.signal)) last = view;
    return last;
  } finally {
    clearTimeout(timer);
    res.off("close", gone);
  }
}
