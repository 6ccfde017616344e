import { z } from "zod";
import type { Catalog } from "#core/catalog.ts";
import { InvalidInput } from "#core/errors.ts";
import type { JobDefinition } from "#core/job.ts";
import { enqueueOptions } from "../../producer/options.ts";
import type { Producer } from "../../producer/producer.ts";
import type { Receipt } from "../../producer/receipt.ts";
import { oneTenant, requireRoleFor } from "../authenticate.ts";
import { isObject } from "../entries.ts";
import { type Idempotency, idempotent, type Reply } from "../idempotency.ts";
import type { Operation } from "../operation.ts";
import { receipt as receiptShape } from "../shapes.ts";

const howItIsAccepted =
  "The body is checked as a whole: every problem is named by its path, and nothing is recorded when there is one. The " +
  "`202` is sent after the job is committed. Lost the answer? Send the request again with the same `Idempotency-Key`: you " +
  "get the first answer, and no second job.";

const headers = { Location: "Where to follow it.", ...idempotent.answerHeader };

const forOperators = "Work of the house: it takes a key that may operate, and answers `forbidden` to a producer's.";

/**
 * POST /v1/jobs/{job}: accept one job for later work.
 * 202 accepted · 200 a job holds the key: joined, or replaced · 403 a job for operators · 404 unknown job · 422 refused, with
 * the path of each problem.
 */
export function enqueueRoute(deps: { catalog: Catalog; producer: Producer; idempotency: Idempotency }): Operation {
  const { catalog, producer, idempotency } = deps;
  return {
    name: "jobs.enqueue",
    tag: "Hand off work",
    method: "post",
    path: "/v1/jobs/{job}",
    summary: "Enqueue a job",
    needs: "enqueue",
    headers: {
      "Nightshift-Tenant": "Whose work it is. Needed with a key that may act for any tenant.",
      ...idempotent.header,
      traceparent: "W3C trace context: stored with the job and continued by its handler.",
    },
    variants: catalog.jobs.map((job) => ({
      name: `enqueue.${job.name}`,
      path: `/v1/jobs/${job.name}`,
      summary: `Enqueue ${job.name}`,
      description: [job.summary, ...(job.enqueuedBy === "operator" ? [forOperators] : []), howItIsAccepted].join(
        "\n\n",
      ),
      body: enqueueBody(job),
    })),
    answers: {
      202: { description: "Accepted and durable.", schema: receiptShape, headers },
      200: {
        description: "A job holds this deduplication key: this is its receipt, and `replaced` says what became of it.",
        schema: receiptShape,
        headers,
      },
    },
    problems: ["unknown_job", "invalid_input", "ai_budget_exceeded", "tenant_required", ...idempotent.problems],
    async handle(call) {
      const job = catalog.get(String(call.req.params.job));
      requireRoleFor(job, call.caller);
      const tenant = oneTenant(call.caller);
      if (!isObject(call.body)) throw notAnObject();
      const { payload, ...options } = call.body;
      await idempotency.answer(call, async (context): Promise<Reply> => {
        // The options are unknown fields to TypeScript; the producer checks them together with the payload.
        const receipt = await producer.enqueue(tenant, job, payload, options, context);
        const body = withLinks(receipt);
        return { status: receipt.duplicate ? 200 : 202, location: body.links.self, body };
      });
    },
  };
}

/** The whole body of an enqueue, as documented. */
export function enqueueBody(job: JobDefinition): z.ZodType {
  return z.strictObject({ payload: job.payload, ...enqueueOptions.shape });
}

export function withLinks(receipt: Receipt) {
  const self = `/v1/jobs/${receipt.id}`;
  return { ...receipt, links: { self, events: `${self}/events` } };
}

export function notAnObject(): InvalidInput {
  return new InvalidInput("The body was refused", [
    { path: "", message: "Expected a JSON object", code: "invalid_type" },
  ]);
}
