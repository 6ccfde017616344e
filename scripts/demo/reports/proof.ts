import type { JobView } from "../../../src/client/client.ts";
import type { Question } from "./questions.ts";
import type { Seeded } from "./shop.ts";

/** One answer of `GET /v1/reports/{name}`. */
export interface Read {
  readonly status: number;
  /** From the request to the last byte of the answer. */
  readonly ms: number;
  /** ISO 8601; `null`: the answer did not say. */
  readonly asOf: string | null;
  readonly ageSeconds: number;
  readonly stale: boolean;
  readonly rows: readonly Readonly<Record<string, unknown>>[];
}

export interface FileRead {
  readonly status: number;
  readonly path: string;
  readonly bytes: Uint8Array;
}

/** A question from its first read to the one after the planner. */
export interface Seen {
  readonly question: Question;
  /** Nothing was there: it was computed while the reader waited. */
  readonly first: Read;
  readonly hits: readonly Read[];
  /** What the planner made of it; `null`: it did not know the question. */
  readonly planned: { readonly decision: string; readonly hits: number } | null;
  readonly after: Read;
}

/** What the verdict on reports rests on. */
export interface ReportEvidence {
  readonly seeded: Seeded;
  /** Orders that came in after the first reads. */
  readonly late: number;
  /** Epoch ms: results computed before that are stale. */
  readonly invalidatedAt: number;
  readonly seen: readonly Seen[];
  readonly planner: JobView;
  /** Computations that the planner asked for. */
  readonly prepared: number;
  readonly computed: { readonly byReaders: number; readonly afterwards: number };
  readonly csv: FileRead;
  readonly pdf: FileRead;
}

/** What is not as it should be; empty when the reports proved what they were to prove. */
export function reportDifferences(evidence: ReportEvidence): readonly string[] {
  const { seen, planner, prepared, computed, late, invalidatedAt, csv, pdf } = evidence;
  const found = seen.flatMap((one) => differencesOf(one, invalidatedAt));
  const expect = (holds: boolean, difference: string) => {
    if (!holds) found.push(difference);
  };
  expect(planner.state === "completed", `${planner.job} ${planner.id}: expected completed, found ${planner.state}`);
  expect(
    computed.byReaders === seen.length,
    `expected readers to cause ${seen.length} computations, found ${computed.byReaders}`,
  );
  expect(prepared >= seen.length, `expected the planner to ask for ${seen.length} computations, found ${prepared}`);
  expect(computed.afterwards === 0, `expected no computation after the planner's, found ${computed.afterwards}`);
  const [shown] = seen;
  const more = shown ? ordersOf(shown.after) - ordersOf(shown.first) : 0;
  expect(late > 0 && more === late, `expected ${late} more orders in ${shown?.question.report}, found ${more}`);
  const lines = Buffer.from(csv.bytes).toString("utf8").trimEnd().split("\r\n").length;
  const wanted = (shown?.after.rows.length ?? 0) + 1; // with the header
  expect(
    csv.status === 200 && lines === wanted,
    `expected a CSV of ${wanted} lines, found ${csv.status}, ${lines} lines`,
  );
  const kind = Buffer.from(pdf.bytes.subarray(0, 5)).toString("latin1");
  expect(pdf.status === 200 && kind === "%PDF-", `expected a PDF, found ${pdf.status}, ${JSON.stringify(kind)}`);
  return found;
}

function differencesOf({ question, first, hits, planned, after }: Seen, invalidatedAt: number): readonly string[] {
  const found: string[] = [];
  const expect = (holds: boolean, difference: string) => {
    if (!holds) found.push(`report ${question.report}: ${difference}`);
  };
  const all = [first, ...hits];
  expect(
    all.every(({ status, stale, rows }) => status === 200 && !stale && rows.length > 0),
    "expected every first read to answer fresh rows, found another answer",
  );
  expect(
    hits.every(({ asOf }) => asOf === first.asOf),
    "expected the reads after the first to be served what it computed, found another result",
  );
  const known = planned !== null && Math.round(planned.hits) >= question.reads;
  expect(known, `expected the planner to know of ${question.reads} reads, found ${planned?.hits ?? 0}`);
  expect(
    after.status === 200 && !after.stale && Date.parse(after.asOf ?? "") > invalidatedAt,
    `expected a result of after the orders without waiting, found ${after.status}, as of ${after.asOf ?? "nothing"}`,
  );
  return found;
}

/** Orders that a report counts in all. */
export function ordersOf({ rows }: Read): number {
  return rows.reduce((sum, { orders }) => sum + (typeof orders === "number" ? orders : 0), 0);
}
