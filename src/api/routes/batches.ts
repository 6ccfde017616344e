import { z } from "zod";
import { fieldsOf } from "#core/batch.ts";
import type { Catalog } from "#core/catalog.ts";
import { type FieldProblem, InvalidInput } from "#core/errors.ts";
import type { JobDefinition } from "#core/job.ts";
import { toProblems } from "#core/problems.ts";
import type { Batches, BatchView } from "../../ledger/batches.ts";
import {
  BatchNotFound,
  type BatchProducer,
  type CompletionEntry,
  completionOptions,
  maxBatchJobs,
} from "../../producer/batch-producer.ts";
import type { Entry, Producer } from "../../producer/producer.ts";
import { type Caller, oneTenant } from "../authenticate.ts";
import { below, EntryReader, entriesShape, isObject } from "../entries.ts";
import { type Idempotency, idempotent } from "../idempotency.ts";
import { type Operation, uuidParam } from "../operation.ts";
import { batchView } from "../shapes.ts";

/** Only the frames: jobs and completion are checked one by one, so that none hides the problems of another. */
const createFrame = z.strictObject({
  jobs: z.array(z.unknown()).max(maxBatchJobs).default([]),
  completion: z.unknown().optional(),
  open: z.boolean().default(false),
});
const appendFrame = z.strictObject({ jobs: z.array(z.unknown()).min(1).max(maxBatchJobs) });

const params = z.object({ id: z.uuid().describe("The batch's `id`.") });
const headers = {
  "Nightshift-Tenant": "Whose work it is. Needed with a key that may act for any tenant.",
  ...idempotent.header,
  traceparent: "W3C trace context: stored with each job.",
};
const answerHeaders = { Location: "Where to follow it.", ...idempotent.answerHeader };

interface Deps {
  readonly catalog: Catalog;
  readonly producer: Producer;
  readonly batches: Batches;
  readonly batchProducer: BatchProducer;
  readonly idempotency: Idempotency;
}

/** POST /v1/batches, POST /v1/batches/{id}/jobs, POST /v1/batches/{id}/seal and GET /v1/batches/{id}. */
export function batchRoutes(deps: Deps): Operation[] {
  return [createBatch(deps), appendToBatch(deps), sealBatch(deps), getBatch(deps)];
}

/** POST /v1/batches: jobs that belong together, in one commit. 202 · 422 refused, with the path of each problem. */
function createBatch({ catalog, producer, batchProducer, idempotency }: Deps): Operation {
  const reader = new EntryReader(catalog, producer);

  function readCompletion(raw: unknown, caller: Caller): CompletionEntry | null | FieldProblem[] {
    if (raw === undefined || raw === null) return null;
    if (!isObject(raw)) return [{ path: "", message: "Expected a JSON object", code: "invalid_type" }];
    const { job: name, payload = {}, ...options } = raw;
    const job = reader.job(name, caller);
    if (Array.isArray(job)) return job;
    const problems = batchProducer.checkCompletion({ job, payload, options });
    return problems.length > 0 ? [...problems] : { job, payload, options };
  }

  /** Throws InvalidInput: every problem of the jobs and of the completion. */
  function readBatch(raws: readonly unknown[], rawCompletion: unknown, caller: Caller) {
    const read = raws.map((raw) => reader.read(raw, caller));
    const completion = readCompletion(rawCompletion, caller);
    const entries = read.filter((entry): entry is Entry => !Array.isArray(entry));
    if (entries.length === read.length && !Array.isArray(completion)) return { entries, completion };
    const ofCompletion = Array.isArray(completion) ? below(completion, "completion") : [];
    throw new InvalidInput("The batch was refused", [...reader.problemsOf(read), ...ofCompletion]);
  }

  return {
    name: "batches.create",
    tag: "Batches",
    method: "post",
    path: "/v1/batches",
    summary: "Enqueue a batch",
    description:
      `Up to ${maxBatchJobs.toLocaleString("en")} jobs of any kinds, all or nothing, and a completion job that is accepted once, ` +
      "when all of them have ended, however they did. Where the completion job's payload has a field `batch`, that field " +
      "is added: the batch's id, and its jobs counted by state.\n\nA batch that does not fit into one body is made with " +
      "`open`, filled with `POST /v1/batches/{id}/jobs`, and finishes only after `POST /v1/batches/{id}/seal`; its jobs run " +
      "meanwhile. Jobs of a batch are always recorded, whatever the durability of their queue.",
    needs: "enqueue",
    headers,
    body: z.strictObject({
      jobs: entriesShape(catalog).max(maxBatchJobs).default([]),
      completion: z.union(catalog.jobs.map(completionShape)).optional(),
      open: z.boolean().default(false).describe("More jobs come: the batch is sealed later."),
    }),
    answers: {
      202: { description: "Accepted and durable, all of it.", schema: batchView, headers: answerHeaders },
    },
    problems: ["invalid_input", "tenant_required", ...idempotent.problems],
    async handle(call) {
      const tenant = oneTenant(call.caller);
      const frame = parse(createFrame, call.body);
      await idempotency.answer(call, async (context) => {
        const { entries, completion } = readBatch(frame.jobs, frame.completion, call.caller);
        const batch = await batchProducer.create(tenant, { entries, completion, open: frame.open }, context);
        return { status: 202, location: `/v1/batches/${batch.id}`, body: withLinks(batch) };
      });
    },
  };
}

/** POST /v1/batches/{id}/jobs: more jobs for an open batch. 202 · 404 no such batch · 409 sealed · 422 refused. */
function appendToBatch({ catalog, producer, batchProducer, idempotency }: Deps): Operation {
  const reader = new EntryReader(catalog, producer);
  return {
    name: "batches.append",
    tag: "Batches",
    method: "post",
    path: "/v1/batches/{id}/jobs",
    summary: "Add jobs to an open batch",
    description: `All or nothing; at most ${maxBatchJobs.toLocaleString("en")} jobs in the batch.`,
    needs: "enqueue",
    params,
    headers,
    body: z.strictObject({ jobs: entriesShape(catalog).min(1).max(maxBatchJobs) }),
    answers: {
      202: { description: "Accepted and durable, all of them.", schema: batchView, headers: answerHeaders },
    },
    problems: ["batch_not_found", "batch_sealed", "invalid_input", "tenant_required", ...idempotent.problems],
    async handle(call) {
      const tenant = oneTenant(call.caller);
      const id = requireBatchId(uuidParam(call.req, "id"), call.req.params.id);
      const { jobs } = parse(appendFrame, call.body);
      await idempotency.answer(call, async (context) => {
        const batch = await batchProducer.append(tenant, id, reader.readAll(jobs, call.caller), context);
        return { status: 202, location: `/v1/batches/${id}`, body: withLinks(batch) };
      });
    },
  };
}

/** POST /v1/batches/{id}/seal: no more jobs come. 200, also when it was sealed before · 404 no such batch. */
function sealBatch({ batchProducer }: Deps): Operation {
  return {
    name: "batches.seal",
    tag: "Batches",
    method: "post",
    path: "/v1/batches/{id}/seal",
    summary: "Seal a batch",
    description: "No more jobs come: the batch finishes when those it has have ended. Safe to repeat.",
    needs: "enqueue",
    params,
    answers: { 200: { description: "Sealed.", schema: batchView } },
    problems: ["batch_not_found"],
    async handle({ req, res, caller }) {
      const id = requireBatchId(uuidParam(req, "id"), req.params.id);
      res.json(withLinks(await batchProducer.seal(caller.actsFor, id)));
    },
  };
}

/** GET /v1/batches/{id}: how far it is. 200 · 404 no such batch. */
function getBatch({ batches }: Deps): Operation {
  return {
    name: "batches.get",
    tag: "Batches",
    method: "get",
    path: "/v1/batches/{id}",
    summary: "Read a batch",
    description:
      "Its jobs counted by state, and what became of its completion job. `GET /v1/jobs?batch=` lists the jobs. A finished " +
      "batch stays as it was: a dead job that gets new attempts does not open it again.",
    needs: "read",
    params,
    answers: { 200: { description: "The batch.", schema: batchView } },
    problems: ["batch_not_found"],
    async handle({ req, res, caller }) {
      const id = requireBatchId(uuidParam(req, "id"), req.params.id);
      const batch = await batches.find(caller.actsFor, id);
      if (!batch) throw new BatchNotFound(id);
      res.json(withLinks(batch));
    },
  };
}

/** A completion as documented: without the field that is added. */
function completionShape(job: JobDefinition) {
  const { batch, ...given } = fieldsOf(job) ?? {};
  const payload = batch ? z.strictObject(given).default({}) : job.payload;
  return z.strictObject({ job: z.literal(job.name), payload, ...completionOptions.shape });
}

function parse<Frame extends z.ZodType>(frame: Frame, body: unknown): z.output<Frame> {
  const { data, error } = frame.safeParse(body);
  if (data !== undefined) return data;
  const problems = error!.issues.flatMap((issue) => toProblems(issue, []));
  throw new InvalidInput("The body was refused", problems);
}

function requireBatchId(id: string | null, given: unknown): string {
  if (id === null) throw new BatchNotFound(String(given).slice(0, 80));
  return id;
}

function withLinks(batch: BatchView) {
  return { ...batch, links: { self: `/v1/batches/${batch.id}`, jobs: `/v1/jobs?batch=${batch.id}` } };
}
