import { setTimeout as delay } from "node:timers/promises";
import { generate } from "#jobs/documents/generate.job.ts";
import { verifyDocuments } from "#jobs/operations/verify-documents.job.ts";
import { type Client, type JobLine, ProblemError, type Receipt } from "../../src/client/client.ts";
import { isTerminal } from "../../src/ledger/job-state.ts";
import type { DemoWorker } from "./cluster.ts";
import { type Killed, killMidBatch } from "./kill.ts";
import { type Group, Progress } from "./progress.ts";
import { collect, type Evidence } from "./proof.ts";
import { plural, seconds } from "./report.ts";
import { certificateCount, certificates, longInvoice, mistypedInvoice, shortInvoice } from "./requests.ts";
import type { Screen } from "./screen.ts";

const lookEveryMs = 100;
/** Jobs still open after this are named in the verdict. */
const endWithinMs = 60_000;

export interface WorkOptions {
  /** Asks for documents and fetches them. */
  readonly application: Client;
  /** Asks for the check of what is stored. */
  readonly operator: Client;
  readonly workers: readonly DemoWorker[];
  readonly screen: Screen;
  /** Where the PDFs go. */
  readonly folder: string;
  readonly signal: AbortSignal;
}

/** Ask for everything, kill a worker in the middle of the batch, wait for the end, and gather what tells how it went. */
export async function work(options: WorkOptions): Promise<{ groups: readonly Group[]; evidence: Evidence }> {
  const { application: client, operator, workers, screen, folder, signal } = options;
  screen.say(screen.style("bold", "Asked for, over HTTP"));
  const refusal = await client.enqueue(generate, mistypedInvoice).then(() => null, onlyProblem);
  const short = await client.enqueue(generate, shortInvoice);
  const long = await client.enqueue(generate, longInvoice);
  const ended = new AbortController();
  let batchDone = 0;
  const killing = killMidBatch({
    workers,
    client,
    after: long.id,
    done: () => batchDone,
    signal: AbortSignal.any([signal, ended.signal]),
  });
  killing.catch(() => undefined); // heard of where it is awaited
  const batch = await client.enqueueMany(certificates.map((payload) => ({ job: generate, payload })));

  const group = (label: string, receipts: readonly Receipt[]) => ({ label, ids: receipts.map(({ id }) => id) });
  const groups = [
    group("Tax invoice, 3 lines", [short]),
    group("Tax invoice, 1,000 lines", [long]),
    group(`${certificateCount} certificates, one batch`, batch),
  ];
  sayAsked(screen, groups, refusal);

  screen.say(screen.style("bold", "Working"));
  let killedAt: number | null = null;
  void killing.then(
    (killed) => {
      if (killed) sayKilled(screen, killed);
      killedAt = killed?.at ?? null;
    },
    () => undefined,
  );
  const progress = new Progress(screen, groups);
  const until = Date.now() + endWithinMs;
  for (;;) {
    const jobs = await list(client);
    progress.show(jobs, killedAt);
    batchDone = jobs.filter(({ id, state }) => id > long.id && isTerminal(state)).length;
    if (Date.now() > until || jobs.every((job) => isTerminal(job.state))) break;
    await delay(lookEveryMs, undefined, { signal });
  }
  ended.abort();
  const killed = await killing;
  screen.keep();
  screen.say();

  const verify = await operator.enqueue(verifyDocuments, {});
  const ids = groups.flatMap((one) => one.ids);
  const made = await Promise.all(ids.map((id) => collect(client, id, folder)));
  const verified = await operator.wait(verify.id, { timeoutMs: endWithinMs });
  const listed = await list(client);
  return { groups, evidence: { made, verified, listed: listed.length, refusal, killed } };
}

function onlyProblem(error: unknown): ProblemError {
  if (error instanceof ProblemError) return error;
  throw error;
}

async function list(client: Client): Promise<readonly JobLine[]> {
  const jobs: JobLine[] = [];
  for await (const job of client.list()) jobs.push(job);
  return jobs;
}

function sayAsked(screen: Screen, groups: readonly Group[], refusal: ProblemError | null): void {
  screen.say(`  accepted   ${groups.map(({ label }) => label).join(" · ")}`);
  if (refusal) {
    screen.say(`  refused    Tax invoice, mistyped GSTIN: ${refusal.status} ${refusal.code}`);
    for (const { path, message } of refusal.errors) {
      screen.say(`             ${path}`);
      screen.say(`             ${message}`);
    }
  }
  screen.say();
}

function sayKilled(screen: Screen, { worker, pid, doneBefore, held }: Killed): void {
  const what = `${worker} (pid ${pid}) after ${doneBefore} certificates, with ${plural(held.length, "document")} in its hands`;
  screen.say(`  ${screen.style("red", "kill -9")} ${what}`);
  const lease = seconds(generate.queue.leaseMs);
  screen.say(
    screen.style(
      "dim",
      `  Nobody renews its leases of ${lease} s now: once they have run out, a living worker takes over`,
    ),
  );
}
