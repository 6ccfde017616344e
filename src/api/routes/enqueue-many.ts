import { z } from "zod";
import type { Catalog } from "#core/catalog.ts";
import { type FieldProblem, InvalidInput, StoreUnavailable } from "#core/errors.ts";
import { type Problem, toProblems } from "#core/problems.ts";
import { enqueueOptions } from "../../producer/options.ts";
import type { EnqueueContext, Entry, Producer } from "../../producer/producer.ts";
import { type Caller, oneTenant, requireRoleFor } from "../authenticate.ts";
import { type Operation, parseQuery } from "../operation.ts";
import { toProblem } from "../problem.ts";
import { bulkOutcomes, bulkReceipts } from "../shapes.ts";
import { isObject, withLinks } from "./enqueue.ts";

const maxJobs = 1_000;

const query = z.strictObject({
  partial: z
    .enum(["true", "false"])
    .default("false")
    .describe("`true`: accept what can be accepted, and answer for each job on its own."),
});

/** Only the frame: the entries are checked one by one, so that a bad one does not hide the problems of the others. */
const frame = z.strictObject({ jobs: z.array(z.unknown()).min(1).max(maxJobs) });

type ItemOutcome =
  | { readonly status: number; readonly receipt: ReturnType<typeof withLinks> }
  | { readonly status: number; readonly problem: Problem };

/** Who asks, and for whom. */
interface Asker {
  readonly caller: Caller;
  readonly tenant: string;
  readonly context: EnqueueContext;
}

/**
 * POST /v1/jobs: accept up to 1,000 jobs. By default all or nothing, in one commit; with `?partial=true` each on its own.
 * 202 all accepted · 207 one outcome per job · 403 one of them is for operators · 422 refused, every problem under
 * `jobs.<index>`.
 */
export function enqueueManyRoute({ catalog, producer }: { catalog: Catalog; producer: Producer }): Operation {
  const jobs = new Map(catalog.jobs.map((job) => [job.name, job]));

  /** The entry, or its problems. Throws Refusal `forbidden` for a job that is not the caller's to enqueue. */
  function toEntry(raw: unknown, caller: Caller): Entry | FieldProblem[] {
    if (!isObject(raw)) return [{ path: "", message: "Expected a JSON object", code: "invalid_type" }];
    const { job: name, payload, ...options } = raw;
    const job = typeof name === "string" ? jobs.get(name) : undefined;
    if (job) {
      requireRoleFor(job, caller);
      return { job, payload, options };
    }
    const message = "Expected the name of a job. GET /v1/job-types lists them.";
    return [{ path: "job", message, code: typeof name === "string" ? "unknown_job" : "invalid_type" }];
  }

  async function acceptAll({ caller, tenant, context }: Asker, raws: readonly unknown[]) {
    const read = raws.map((raw) => toEntry(raw, caller));
    const entries = read.filter((entry): entry is Entry => !Array.isArray(entry));
    if (entries.length === read.length) return producer.enqueueMany(tenant, entries, context);
    const found = read.map((entry) => (Array.isArray(entry) ? entry : producer.check(entry)));
    throw new InvalidInput(`${raws.length} jobs were refused`, found.flatMap(below));
  }

  async function acceptOne({ caller, tenant, context }: Asker, raw: unknown, index: number): Promise<ItemOutcome> {
    try {
      const entry = toEntry(raw, caller);
      if (Array.isArray(entry)) throw new InvalidInput("The job was refused", entry);
      const receipt = await producer.enqueue(tenant, entry.job, entry.payload, entry.options, context);
      return { status: receipt.duplicate ? 200 : 202, receipt: withLinks(receipt) };
    } catch (error) {
      if (error instanceof StoreUnavailable) throw error; // whoever sends all of it again loses nothing
      const inPlace =
        error instanceof InvalidInput ? new InvalidInput("The job was refused", below(error.problems, index)) : error;
      const { problem } = toProblem(inPlace);
      return { status: problem.status, problem };
    }
  }

  return {
    name: "jobs.enqueueMany",
    tag: "Hand off work",
    method: "post",
    path: "/v1/jobs",
    summary: "Enqueue many jobs",
    description:
      "Up to 1,000 jobs of any kinds, all or nothing: one commit, or none of them. With `?partial=true` each job is " +
      "accepted or refused on its own; when a store fails meanwhile the answer is 503 and some may have been accepted, " +
      "so give each a `deduplicationKey` before you send them again.",
    needs: "enqueue",
    query,
    headers: {
      "Nightshift-Tenant": "Whose work it is. Needed with a key that may act for any tenant.",
      traceparent: "W3C trace context: stored with each job.",
    },
    body: z.strictObject({
      jobs: z
        .array(
          z.union(
            catalog.jobs.map((job) =>
              z.strictObject({ job: z.literal(job.name), payload: job.payload, ...enqueueOptions.shape }),
            ),
          ),
        )
        .min(1)
        .max(maxJobs),
    }),
    answers: {
      202: { description: "All accepted: receipts in the order of the request.", schema: bulkReceipts },
      207: { description: "With `partial=true`: one outcome per job, in order.", schema: bulkOutcomes },
    },
    problems: ["invalid_input", "tenant_required"],
    async handle({ req, res, caller, body }) {
      const { partial } = parseQuery(query, req);
      const asker: Asker = { caller, tenant: oneTenant(caller), context: { traceparent: req.get("traceparent") } };
      const { data, error } = frame.safeParse(body);
      if (!data)
        throw new InvalidInput(
          "The body was refused",
          error.issues.flatMap((issue) => toProblems(issue, [])),
        );
      if (partial === "true") {
        const items = await Promise.all(data.jobs.map((raw, index) => acceptOne(asker, raw, index)));
        return void res.status(207).json({ items });
      }
      const receipts = await acceptAll(asker, data.jobs);
      res.status(202).json({ items: receipts.map(withLinks) });
    },
  };
}

function below(problems: readonly FieldProblem[], index: number): FieldProblem[] {
  return problems.map((problem) => ({
    ...problem,
    path: problem.path === "" ? `jobs.${index}` : `jobs.${index}.${problem.path}`,
  }));
}
