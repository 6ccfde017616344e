import type { BudgetStatus } from "#core/ai-budgets.ts";
import type { RecordedCall } from "#core/ai-calls.ts";
import type { Responded } from "#jobs/ai/respond.job.ts";
import type { EndedJob } from "../../../src/client/client.ts";
import type { BillLine, BillTotals } from "../../fake-provider/bill.ts";

/** What a question is asked for: what its providers do meanwhile. */
export type Part = "limited" | "usual" | "repeated" | "overflow" | "exhausted";

/** A question and its ended job. */
export interface Answered {
  readonly part: Part;
  readonly message: string;
  readonly job: EndedJob<Responded | null>;
}

/** What the verdict on AI answers rests on. */
export interface AiEvidence {
  readonly answered: readonly Answered[];
  /** Every call that the API has on record for the tenant. */
  readonly calls: readonly RecordedCall[];
  /** What the providers say they have charged for. */
  readonly bill: BillTotals & { readonly lines: readonly BillLine[] };
  /** The tenant's spending of the day; `null`: none is on record. */
  readonly spent: Pick<BudgetStatus, "spentMicros" | "reservedMicros"> | null;
}

/** Who answers each part of the questions. */
const answersBy: Readonly<Record<Part, string>> = {
  limited: "perplexity",
  usual: "perplexity",
  repeated: "perplexity",
  overflow: "huggingface",
  exhausted: "simple",
};

/** The calls that were charged for, and what they cost by our own record. */
export function paidFor(calls: readonly RecordedCall[]): { readonly count: number; readonly micros: number } {
  const paid = calls.filter(({ state }) => state === "answered");
  return { count: paid.length, micros: paid.reduce((sum, { costMicros }) => sum + (costMicros ?? 0), 0) };
}

/** What is not as it should be; empty when the answers proved what they were to prove. */
export function aiDifferences({ answered, calls, bill, spent }: AiEvidence): readonly string[] {
  const found = answered.flatMap((one) => differencesOf(one, calls));
  const expect = (holds: boolean, difference: string) => {
    if (!holds) found.push(difference);
  };
  const down = calls.filter(({ provider }) => provider === "openai");
  expect(
    down.length > 0 && down.every(({ state, errorCode }) => state === "failed" && errorCode === "provider_unavailable"),
    `expected calls to openai that all failed, found ${down.map(({ state }) => state).join(", ") || "none"}`,
  );

  const paid = paidFor(calls);
  const ids = (of: readonly (string | null)[]) => JSON.stringify([...of].sort());
  const onRecord = calls.filter(({ state }) => state === "answered").map(({ id }) => id);
  expect(
    ids(bill.lines.map(({ callId }) => callId)) === ids(onRecord),
    `expected the providers' bill to name the ${paid.count} answered calls on record, found ${bill.calls}`,
  );
  expect(bill.micros === paid.micros, `expected a bill of ${paid.micros} micros, found ${bill.micros}`);
  expect(bill.duplicates === 0, `expected no request to be charged for twice, found ${bill.duplicates}`);
  const { spentMicros = null, reservedMicros = null } = spent ?? {};
  expect(
    spentMicros === bill.micros && reservedMicros === 0,
    `expected a budget with ${bill.micros} micros spent and none reserved, found ${spentMicros} and ${reservedMicros}`,
  );
  return found;
}

function differencesOf({ part, message, job }: Answered, calls: readonly RecordedCall[]): readonly string[] {
  const name = `"${message}" (${job.job} ${job.id})`;
  const { result } = job;
  if (job.state !== "completed" || !result) {
    const why = job.error ? ` (${job.error.code}: ${job.error.message})` : "";
    return [`${name}: expected completed, found ${job.state}${why}`];
  }
  const found: string[] = [];
  const { provider, degraded, cached } = result;
  if (provider !== answersBy[part]) found.push(`${name}: expected an answer of ${answersBy[part]}, found ${provider}`);
  if (degraded !== (part === "exhausted"))
    found.push(`${name}: expected ${degraded ? "an answer of a model" : "an answer marked degraded"}, found the other`);
  if (cached !== (part === "repeated"))
    found.push(`${name}: expected ${cached ? "a bought answer" : "the answer bought before"}, found the other`);
  const own = calls.filter(({ jobId, provider: of }) => jobId === job.id && of === "perplexity");
  const limited = own.filter(({ errorCode }) => errorCode === "provider_limited").length;
  if (part === "limited" && !(limited === 1 && own.length === 2))
    found.push(`${name}: expected one call that was limited and one that was answered, found ${own.length}`);
  return found;
}
