import { z } from "zod";
import type { ErrorSummary } from "#core/errors.ts";
import { priorities } from "#core/priority.ts";
import type { Problem } from "#core/problems.ts";
import type { DocumentVersion, StoredDocument } from "#core/services.ts";
import type { BatchView } from "../ledger/batches.ts";
import type { AttemptView, JobLine, JobView } from "../ledger/job-reader.ts";
import { jobStates } from "../ledger/job-state.ts";
import type { Receipt } from "../producer/receipt.ts";

/** What the API answers, as schemas for the OpenAPI document. Each is held to the type that the code really sends. */

/** Instants are sent as text. */
type Sent<T> = { readonly [Key in keyof T]: T[Key] extends Date ? string : T[Key] };

const id = z.uuid();
const instant = z.iso.datetime().describe("ISO 8601, UTC.");
const job = z.string().meta({ examples: ["documents.generate"] });
const queue = z.string().meta({ examples: ["documents"] });
const tenant = z.string().meta({ examples: ["acme"] });
const exampleId = "0193a1de-7a53-7cc1-9d6e-2f1f3a5b7c90";
const link = (path: string) => z.string().meta({ examples: [path.replace("{id}", exampleId)] });
const state = z.enum(jobStates).meta({
  id: "JobState",
  description: "The first five are open; the last four are final, and `dead` can be redriven.",
  examples: ["queued"],
});

export const errorSummary = z
  .object({
    code: z.string().describe("Permanent: match on it, never on the message."),
    message: z.string(),
    details: z.record(z.string(), z.unknown()).exactOptional(),
  })
  .meta({
    id: "JobError",
    description: "Why an attempt failed, or why the job ended as it did.",
  }) satisfies z.ZodType<ErrorSummary>;

export const receipt = z
  .object({
    id,
    job,
    queue,
    tenant,
    state,
    acceptedAt: instant,
    runAt: instant,
    duplicate: z.boolean().describe("A job held the deduplication key; `id` is that job's."),
    replaced: z.boolean().describe("That job had not begun, and is now what this request asked for."),
    links: z.object({ self: link("/v1/jobs/{id}"), events: link("/v1/jobs/{id}/events") }),
  })
  .meta({ id: "Receipt", description: "An accepted job: durable when you read this." }) satisfies z.ZodType<Receipt>;

const attempt = z
  .object({
    number: z.int().describe("Counted from 1; snoozed and drained ones count here, though they spend nothing."),
    startedAt: instant,
    finishedAt: instant.nullable(),
    outcome: z.enum(["running", "completed", "failed", "timed-out", "snoozed", "cancelled", "released", "lost"]),
    error: errorSummary.nullable(),
  })
  .meta({ id: "Attempt" }) satisfies z.ZodType<AttemptView>;

const line = z.object({
  id,
  job,
  queue,
  tenant,
  state,
  priority: z.enum(priorities).nullable().describe("`null` for a job that only Redis knows."),
  progress: z.object({ fraction: z.number().min(0).max(1), note: z.string().nullable() }),
  acceptedAt: instant,
  runAt: instant,
  startedAt: instant.nullable(),
  finishedAt: instant.nullable(),
  expiresAt: instant.nullable(),
  tags: z.array(z.string()),
  correlationId: z.string().nullable(),
  deduplicationKey: z.string().nullable(),
  batchId: id.nullable(),
  follows: id.nullable().describe("The job that must end before this one is due: it is that job's successor."),
  error: errorSummary.nullable(),
});

export const jobLine = line.meta({
  id: "JobLine",
  description: "A job without its attempts and its result.",
}) satisfies z.ZodType<JobLine>;

export const jobView = line
  .extend({
    attempts: z.array(attempt),
    steps: z
      .array(z.object({ name: z.string(), attempt: z.int(), finishedAt: instant }))
      .describe("Finished steps: a later attempt does not do them again."),
    result: z.unknown().describe("What the handler returned, once completed. GET /v1/job-types has its schema."),
    revision: z.int().describe("Grows with every visible change."),
  })
  .meta({ id: "Job" }) satisfies z.ZodType<JobView>;

export const problem = z
  .object({
    type: z.string().describe("Where the problem is explained."),
    title: z.string(),
    status: z.int(),
    code: z.string().describe("Permanent: match on it."),
    detail: z.string().exactOptional().describe("What was expected and what was found, in this case."),
    errors: z
      .array(z.object({ path: z.string(), message: z.string(), code: z.string().exactOptional() }))
      .exactOptional()
      .describe("Every rejected field (the first 1,000) by its dotted path, such as `payload.lines.3.quantity`."),
  })
  .meta({ id: "Problem", description: "RFC 9457." }) satisfies z.ZodType<Problem>;

export const bulkReceipts = z.object({ items: z.array(receipt) });

export const bulkOutcomes = z.object({
  items: z.array(
    z.union([
      z.object({ status: z.union([z.literal(200), z.literal(202)]), receipt }),
      z.object({ status: z.int().min(400), problem }),
    ]),
  ),
});

export const batchView = z
  .object({
    id,
    tenant,
    total: z.int().describe("Jobs in it."),
    joined: z.int().describe("Requests that joined a job outside the batch: not counted, and not waited for."),
    open: z.int().describe("Jobs that have not ended."),
    counts: z.partialRecord(z.enum(jobStates), z.int()).describe("Jobs by state; once finished, as they were then."),
    createdAt: instant,
    sealedAt: instant.nullable().describe("From then on no job is added; `null`: more may come."),
    finishedAt: instant.nullable().describe("When all jobs had ended and the completion job was accepted."),
    completion: z
      .object({
        job,
        jobId: id.nullable().describe("The completion job, once it is accepted."),
        error: errorSummary.nullable().describe("Why it could not be accepted, although the batch has finished."),
      })
      .nullable(),
    links: z.object({ self: link("/v1/batches/{id}"), jobs: link("/v1/jobs?batch={id}") }),
  })
  .meta({ id: "Batch" }) satisfies z.ZodType<BatchView>;

export const jobPage = z.object({
  items: z.array(jobLine),
  nextCursor: z.string().nullable().describe("Give it as `cursor` for the next page; `null` on the last."),
});

const jsonSchema = z.record(z.string(), z.unknown()).describe("JSON Schema, draft 2020-12.");

export const jobTypes = z.object({
  items: z.array(
    z
      .object({
        job,
        summary: z.string(),
        queue,
        enqueuedBy: z.enum(["producer", "operator"]).describe("The least role whose key may enqueue it."),
        payload: jsonSchema,
        result: jsonSchema,
        retry: z.record(z.string(), z.unknown()),
        timeoutMs: z.number(),
        policies: z.record(z.string(), z.unknown()).describe("How the queue is paced."),
      })
      .meta({ id: "JobType" }),
  ),
});

export const storedDocument = z
  .object({
    documentId: id,
    companyId: id,
    templateId: z.string(),
    latestVersion: z.int(),
    createdAt: instant,
    links: z.object({
      versions: link("/v1/documents/{id}/versions"),
      latest: link("/v1/documents/{id}/versions/1"),
      content: link("/v1/documents/{id}/versions/1/content"),
    }),
  })
  .meta({ id: "Document" }) satisfies z.ZodType<Sent<StoredDocument>>;

export const documentVersion = z
  .object({
    documentId: id,
    companyId: id,
    jobId: id,
    templateId: z.string(),
    templateVersion: z.int(),
    locale: z.string(),
    version: z.int().describe("1, 2, 3 … without gaps."),
    sha256: z.string(),
    sizeBytes: z.int(),
    pageCount: z.int(),
    contentType: z.string(),
    fileName: z.string(),
    createdAt: instant,
    links: z.object({
      self: link("/v1/documents/{id}/versions/1"),
      content: link("/v1/documents/{id}/versions/1/content"),
    }),
  })
  .meta({ id: "DocumentVersion" }) satisfies z.ZodType<Sent<DocumentVersion>>;

export const documentVersions = z.object({ items: z.array(documentVersion) });

export const alive = z.object({ status: z.literal("ok") });

export const readiness = z.object({
  status: z.enum(["ready", "not-ready"]),
  checks: z.array(z.object({ name: z.string(), ok: z.boolean(), detail: z.string().exactOptional() })),
});
