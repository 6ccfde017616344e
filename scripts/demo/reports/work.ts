import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { planReports } from "#jobs/reports/plan.job.ts";
import type { JobLine } from "../../../src/client/client.ts";
import { isTerminal } from "../../../src/ledger/job-state.ts";
import type { Cluster } from "../cluster.ts";
import type { Tally } from "../progress.ts";
import { jobsOf, type Way } from "../way.ts";
import type { FileRead, Read, ReportEvidence, Seen } from "./proof.ts";
import { type Question, questions, shownAsFile } from "./questions.ts";
import { addOrders, seedShop } from "./shop.ts";

const endWithinMs = 30_000;
const lookEveryMs = 50;

interface PlanItem {
  readonly report: string;
  readonly params: Readonly<Record<string, unknown>>;
  readonly decision: string;
  readonly hits: number;
}

export interface ReportOptions {
  readonly cluster: Cluster;
  readonly tally: Tally;
  /** Where the files go. */
  readonly folder: string;
  readonly signal: AbortSignal;
  /** The PDF is asked for after that: until then the documents' workers have enough to do. */
  readonly documentsMade: Promise<unknown>;
}

/**
 * Read reports until they are popular, let orders come in, have the planner compute what is popular, and read them again.
 * Nobody reads between the orders and the planner, so what is fresh afterwards is the planner's work.
 */
export async function readReports(options: ReportOptions): Promise<ReportEvidence> {
  const { cluster, tally, folder, signal } = options;
  const [reader, operator] = await Promise.all([
    cluster.connect("brain2gain", "producer"),
    cluster.connect("brain2gain", "operator"),
  ]);
  tally.total = questions.reduce((sum, { reads }) => sum + reads + 1, 2);
  const counted = async (reading: Promise<Read>) => {
    const one = await reading;
    tally.done += 1;
    return one;
  };
  const seeded = await seedShop(cluster.database, reader.tenant);

  const firsts: (Pick<Seen, "question" | "first"> & { hits: readonly Read[] })[] = [];
  for (const question of questions) {
    const first = await counted(read(reader, question, "wait=30s"));
    const hits: Read[] = [];
    while (hits.length < question.reads - 1) hits.push(await counted(read(reader, question, "wait=30s")));
    firsts.push({ question, first, hits });
  }
  const late = await addOrders(cluster.database, reader.tenant);
  await reader.http.send("/v1/reports/invalidations", { body: { tags: ["demo"] } });
  const invalidatedAt = Date.now();

  const plan = await planned(reader, signal);
  const { id } = await operator.client.enqueue(planReports, {});
  const planner = await operator.client.wait(id, { timeoutMs: endWithinMs });
  const prepared = await ended(reader, "planned", signal);
  const before = await jobsOf(reader, { job: "reports.compute" });
  const seen: Seen[] = [];
  for (const one of firsts) {
    const item = plan.find((of) => isOf(of, one.question));
    const after = await counted(read(reader, one.question, "wait=0ms&stale=false")); // fresh and at once, or not at all
    seen.push({ ...one, after, planned: item ? { decision: item.decision, hits: item.hits } : null });
  }

  await mkdir(folder, { recursive: true });
  const csv = await fetched(reader, "csv", folder);
  tally.done += 1;
  await options.documentsMade;
  const pdf = await fetched(reader, "pdf", folder);
  tally.done += 1;
  const computed = await jobsOf(reader, { job: "reports.compute" });
  return {
    ...{ seeded, late, invalidatedAt, seen, planner, csv, pdf },
    prepared: prepared.length,
    computed: { byReaders: before.length - prepared.length, afterwards: computed.length - before.length },
  };
}

async function read({ http }: Way, question: Question, how: string): Promise<Read> {
  const began = performance.now();
  const response = await http.send(`${pathOf(question)}&${how}`);
  const body = (await response.json()) as { rows?: Read["rows"] };
  return {
    status: response.status,
    ms: performance.now() - began,
    asOf: response.headers.get("report-as-of"),
    ageSeconds: Number(response.headers.get("age")),
    stale: response.headers.get("report-stale") === "?1",
    rows: body.rows ?? [],
  };
}

async function fetched({ http }: Way, format: "csv" | "pdf", folder: string): Promise<FileRead> {
  const response = await http.send(`${pathOf(shownAsFile)}&format=${format}&wait=30s`);
  const bytes = new Uint8Array(await response.arrayBuffer());
  const { report, params } = shownAsFile;
  const path = join(folder, `${report}-${params.from}-${params.to}.${format}`);
  await writeFile(path, bytes);
  return { status: response.status, path, bytes };
}

/** The plan, once it knows of every read: they are told to Redis within a second. */
async function planned({ http }: Way, signal: AbortSignal): Promise<readonly PlanItem[]> {
  const until = Date.now() + endWithinMs;
  for (;;) {
    const { items } = await http.json<{ items: PlanItem[] }>("/v1/reports/plan");
    const known = questions.every((question) =>
      items.some((item) => isOf(item, question) && Math.round(item.hits) >= question.reads),
    );
    if (known || Date.now() > until) return items;
    await delay(lookEveryMs, undefined, { signal });
  }
}

/** The jobs with a tag, once they have ended. */
async function ended(way: Way, tag: string, signal: AbortSignal): Promise<readonly JobLine[]> {
  const until = Date.now() + endWithinMs;
  for (;;) {
    const jobs = await jobsOf(way, { tag });
    if (jobs.every(({ state }) => isTerminal(state)) || Date.now() > until) return jobs;
    await delay(lookEveryMs, undefined, { signal });
  }
}

function isOf({ report, params }: PlanItem, question: Question): boolean {
  return report === question.report && Object.entries(question.params).every(([name, value]) => params[name] === value);
}

function pathOf({ report, params }: Question): string {
  return `/v1/reports/${report}?${new URLSearchParams(params)}`;
}
