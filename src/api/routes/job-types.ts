import { z } from "zod";
import type { Catalog } from "#core/catalog.ts";
import type { JobDefinition } from "#core/job.ts";
import type { Operation } from "../operation.ts";
import { jobTypes } from "../shapes.ts";

/** GET /v1/job-types: what can be enqueued here: names, schemas, policies. 200. */
export function jobTypesRoute({ catalog }: { catalog: Catalog }): Operation {
  const body = JSON.stringify({ items: catalog.jobs.map(toJobType) }); // never changes while the process lives
  return {
    name: "jobTypes.list",
    tag: "Hand off work",
    method: "get",
    path: "/v1/job-types",
    summary: "List what can be enqueued",
    description:
      "Every job of this installation with the JSON Schemas of its payload and its result, and its policies.",
    needs: "read",
    answers: { 200: { description: "All of them.", schema: jobTypes } },
    problems: [],
    handle({ res }) {
      res.type("application/json").send(body);
    },
  };
}

function toJobType(job: JobDefinition) {
  const { name, ...policies } = job.queue;
  return {
    job: job.name,
    summary: job.summary,
    queue: name,
    enqueuedBy: job.enqueuedBy,
    payload: z.toJSONSchema(job.payload, { io: "input" }),
    result: z.toJSONSchema(job.result, { io: "output" }),
    retry: job.retry,
    timeoutMs: job.timeoutMs,
    policies,
  };
}
