import { setTimeout as delay } from "node:timers/promises";
import { generate } from "#jobs/documents/generate.job.ts";
import { verifyDocuments } from "#jobs/operations/verify-documents.job.ts";
import { type Client, type JobLine, type JobView, ProblemError, type Receipt } from "../../../src/client/client.ts";
import { isTerminal } from "../../../src/ledger/job-state.ts";
import type { Cluster, DemoWorker } from "../cluster.ts";
import type { Group, Progress } from "../progress.ts";
import type { Screen } from "../screen.ts";
import { plural, seconds } from "../wording.ts";
import { type Killed, killMidBatch } from "./kill.ts";
import { collect, type DocumentEvidence } from "./proof.ts";
import { certificateCount, certificates, longInvoice, mistypedInvoice, shortInvoice } from "./requests.ts";

const lookEveryMs = 100;
/** Jobs still open after this are named in the verdict. */
const endWithinMs = 60_000;

export interface DocumentOptions {
  readonly cluster: Cluster;
  readonly workers: readonly DemoWorker[];
  readonly screen: Screen;
  readonly progress: Progress;
  /** Where the PDFs go. */
  readonly folder: string;
  readonly signal: AbortSignal;
  /** Called once everything is asked for. */
  readonly onAsked: () => void;
}

/** A platform that asks for documents, and its operator, who has them checked. */
interface Party {
  readonly client: Client;
  readonly operator: Client;
}

interface Asked extends Group {
  readonly party: Party;
}

/** Ask for everything, kill a worker in the middle of the batch, wait for the end, and gather what tells how it went. */
export async function makeDocuments(
  options: DocumentOptions,
): Promise<{ groups: readonly Group[]; evidence: DocumentEvidence }> {
  const { cluster, workers, screen, progress, folder, signal } = options;
  const [erp, licences] = await Promise.all([partyOf(cluster, "suryodaya"), partyOf(cluster, "northwind")]);
  screen.say(screen.style("bold", "Asked for, over HTTP"));
  const refusal = await erp.client.enqueue(generate, mistypedInvoice).then(() => null, onlyProblem);
  const short = await erp.client.enqueue(generate, shortInvoice);
  const long = await erp.client.enqueue(generate, longInvoice);
  const ended = new AbortController();
  let batchDone = 0;
  const killing = killMidBatch({
    workers,
    find: (id) => found([erp, licences], id),
    after: long.id,
    done: () => batchDone,
    signal: AbortSignal.any([signal, ended.signal]),
  });
  killing.catch(() => undefined); // heard of where it is awaited
  const batch = await licences.client.enqueueMany(certificates.map((payload) => ({ job: generate, payload })));

  const asked = (party: Party, label: string, receipts: readonly Receipt[]): Asked => ({
    ...{ party, label },
    ids: receipts.map(({ id }) => id),
  });
  const groups = [
    asked(erp, "Tax invoice, 3 lines", [short]),
    asked(erp, "Tax invoice, 1,000 lines", [long]),
    asked(licences, `${certificateCount} certificates, one batch`, batch),
  ];
  sayAsked(screen, groups, refusal);
  options.onAsked();

  let killedAt: number | null = null;
  void killing.then(
    (killed) => {
      if (killed) sayKilled(screen, killed);
      killedAt = killed?.at ?? null;
    },
    () => undefined,
  );
  const until = Date.now() + endWithinMs;
  for (;;) {
    const jobs = await list([erp, licences]);
    progress.show(groups, jobs, killedAt);
    batchDone = jobs.filter(({ id, state }) => id > long.id && isTerminal(state)).length;
    if (Date.now() > until || jobs.every((job) => isTerminal(job.state))) break;
    await delay(lookEveryMs, undefined, { signal });
  }
  ended.abort();
  const killed = await killing;

  const ids = groups.flatMap((one) => one.ids.map((id) => ({ id, client: one.party.client })));
  const verify = async ({ operator }: Party) => {
    const { id } = await operator.enqueue(verifyDocuments, {});
    return operator.wait(id, { timeoutMs: endWithinMs });
  };
  const [made, verified] = await Promise.all([
    Promise.all(ids.map(({ id, client }) => collect(client, id, folder))),
    Promise.all([erp, licences].map(verify)),
  ]);
  const listed = await list([erp, licences]);
  return { groups, evidence: { made, verified, listed: listed.length, refusal, killed } };
}

async function partyOf(cluster: Cluster, platform: "suryodaya" | "northwind"): Promise<Party> {
  const [producer, operator] = await Promise.all([
    cluster.connect(platform, "producer"),
    cluster.connect(platform, "operator"),
  ]);
  return { client: producer.client, operator: operator.client };
}

function onlyProblem(error: unknown): ProblemError {
  if (error instanceof ProblemError) return error;
  throw error;
}

/** A job of one of them; `null`: somebody else's. */
async function found(parties: readonly Party[], id: string): Promise<JobView | null> {
  const views = await Promise.all(parties.map(({ client }) => client.get(id).catch(() => null)));
  return views.find((view) => view !== null) ?? null;
}

async function list(parties: readonly Party[]): Promise<readonly JobLine[]> {
  const jobs: JobLine[] = [];
  for (const { client } of parties) for await (const job of client.list()) jobs.push(job);
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
