import { z } from "zod";
import type { Catalog } from "#core/catalog.ts";
import { type FieldProblem, InvalidInput, StoreUnavailable } from "#core/errors.ts";
import { type Problem, toProblems } from "#core/problems.ts";
import type { EnqueueContext, Entry, Producer } from "../../producer/producer.ts";
import type { Receipt } from "../../producer/receipt.ts";
import { type Caller, oneTenant } from "../authenticate.ts";
import { below, EntryReader, entriesShape } from "../entries.ts";
import { type Idempotency, idempotent } from "../idempotency.ts";
import { type Operation, parseQuery } from "../operation.ts";
import { toProblem } from "../problem.ts";
import { bulkOutcomes, bulkReceipts } from "../shapes.ts";
import { withLinks } from "./enqueue.ts";

const maxJobs = 1_000;

const query = z.strictObject({
  partial: z
    .enum(["true", "false"])
    .default("false")
    .describe("`true`: accept what can be accepted, and answer for each job on its own."),
});

/** Only the frame: the entries are checked one by one, so that a bad one does not hide the problems of the others. */
const frame = z.strictObject({ jobs: z.array(z.unknown()).min(1).max(maxJobs) });

const headers = idempotent.answerHeader;

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
export function enqueueManyRoute(deps: { catalog: Catalog; producer: Producer; idempotency: Idempotency }): Operation {
  const { catalog, producer, idempotency } = deps;
  const reader = new EntryReader(catalog, producer);

  async function acceptOne({ caller, tenant, context }: Asker, raw: unknown, index: number): Promise<ItemOutcome> {
    try {
      const entry = reader.read(raw, caller);
      if (Array.isArray(entry)) throw new InvalidInput("The job was refused", entry);
      const receipt = await producer.enqueue(tenant, entry.job, entry.payload, entry.options, context);
      return accepted(receipt);
    } catch (error) {
      if (error instanceof StoreUnavailable) throw error; // whoever sends all of it again loses nothing
      const inPlace =
        error instanceof InvalidInput
          ? new InvalidInput("The job was refused", below(error.problems, `jobs.${index}`))
          : error;
      const { problem } = toProblem(inPlace);
      return { status: problem.status, problem };
    }
  }

  async function problemsOf(tenant: string, entry: Entry, { in: sql }: EnqueueContext) {
    const problems = producer.check(entry);
    return problems.length > 0 ? problems : producer.dangling(tenant, entry, sql);
  }

  /** The same in one transaction, where a refused job must not reach Postgres: it would refuse all others with it. */
  async function acceptTogether({ caller, tenant, context }: Asker, raws: readonly unknown[]) {
    const read = raws.map((raw) => reader.read(raw, caller)); // one that is not the caller's to enqueue refuses them all
    const found: (readonly FieldProblem[])[] = [];
    for (const entry of read) found.push(Array.isArray(entry) ? entry : await problemsOf(tenant, entry, context));
    const good = read.filter((entry, index): entry is Entry => !Array.isArray(entry) && found[index]!.length === 0);
    const receipts = (await producer.enqueueMany(tenant, good, context)).values();
    return found.map((problems, index): ItemOutcome => {
      if (problems.length === 0) return accepted(receipts.next().value!);
      const { problem } = toProblem(new InvalidInput("The job was refused", below(problems, `jobs.${index}`)));
      return { status: problem.status, problem };
    });
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
      "so give the request an `Idempotency-Key`: then it too is one commit, and safe to send again.",
    needs: "enqueue",
    query,
    headers: {
      "Nightshift-Tenant": "Whose work it is. Needed with a key that may act for any tenant.",
      ...idempotent.header,
      traceparent: "W3C trace context: stored with each job.",
    },
    body: z.strictObject({ jobs: entriesShape(catalog).min(1).max(maxJobs) }),
    answers: {
      202: { description: "All accepted: receipts in the order of the request.", schema: bulkReceipts, headers },
      207: { description: "With `partial=true`: one outcome per job, in order.", schema: bulkOutcomes, headers },
    },
    problems: ["invalid_input", "ai_budget_exceeded", "tenant_required", ...idempotent.problems],
    async handle(call) {
      const { partial } = parseQuery(query, call.req);
      const { caller, body } = call;
      const tenant = oneTenant(caller);
      const { data, error } = frame.safeParse(body);
      if (!data)
        throw new InvalidInput(
          "The body was refused",
          error.issues.flatMap((issue) => toProblems(issue, [])),
        );
      await idempotency.answer(call, async (context) => {
        if (partial !== "true") {
          const receipts = await producer.enqueueMany(tenant, reader.readAll(data.jobs, caller), context);
          return { status: 202, body: { items: receipts.map(withLinks) } };
        }
        const items = context.in
          ? await acceptTogether({ caller, tenant, context }, data.jobs)
          : await Promise.all(data.jobs.map((raw, index) => acceptOne({ caller, tenant, context }, raw, index)));
        return { status: 207, body: { items } };
      });
    },
  };
}

function accepted(receipt: Receipt): ItemOutcome {
  return { status: receipt.duplicate ? 200 : 202, receipt: withLinks(receipt) };
}
