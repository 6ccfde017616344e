import { join, relative } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { generate } from "#jobs/documents/generate.job.ts";
import { verifyDocuments } from "#jobs/operations/verify-documents.job.ts";
import { type Client, type JobLine, ProblemError } from "../src/client/client.ts";
import { isTerminal } from "../src/ledger/job-state.ts";
import { readEnvironment } from "../src/process.ts";
import { Cluster } from "./demo/cluster.ts";
import { killMidBatch } from "./demo/kill.ts";
import { type Group, Progress } from "./demo/progress.ts";
import { collect, differences, type Evidence } from "./demo/proof.ts";
import { plural, sayNext, sayResult, seconds } from "./demo/report.ts";
import { certificateCount, certificates, longInvoice, mistypedInvoice, shortInvoice } from "./demo/requests.ts";
import { Screen } from "./demo/screen.ts";

/**
 * `npm run demo`: a day of a small application in some seconds, on real servers and real processes. Exit codes: 0 every
 * accepted job ended as it should and each document exists once; 1 something differs, and is named; 130 stopped by a
 * signal. Nothing is left running in any case.
 */
const env = readEnvironment();
const screen = new Screen(process.stdout);
const folder = join(env.dataDir, "demo");
const ceilingMs = 180_000; // a first run may fetch Redis, for a minute at the most
const stopping = new AbortController();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"])
  process.on(signal, () => (stopping.signal.aborted ? process.exit(130) : stopping.abort()));
process.stdout.on("error", () => stopping.abort()); // whoever read it is gone
const signal = AbortSignal.any([stopping.signal, AbortSignal.timeout(ceilingMs)]);

const here = (path: string) => relative(process.cwd(), path) || ".";
const step = (text: string) => screen.say(screen.style("bold", text));
const elapsed = () => seconds(performance.now());

const cluster = new Cluster({
  env,
  signal,
  onDownload: () => screen.say("  There is no Redis on this machine: taking it from the system's packages, this once"),
});
let found: readonly string[] = [];
try {
  await start();
  const client = await cluster.connect();
  const { groups, evidence } = await work(client);
  sayResult(screen, groups, evidence);
  const keyPath = env.apiKey ? null : join(env.dataDir, "api-key");
  sayNext(screen, {
    folder,
    made: evidence.made,
    keyPath,
    tenant: cluster.tenant,
    port: env.port,
    dashboardPort: env.dashboardPort,
  });
  found = differences(evidence);
} catch (error) {
  screen.keep();
  if (stopping.signal.aborted) process.exitCode = 130;
  else
    found = [signal.aborted ? `expected an end within ${ceilingMs / 1_000} s, found none` : (error as Error).message];
}
await cluster.stop();

if (process.exitCode === 130) screen.say("Stopped. Accepted jobs are kept and go on at the next start.");
else if (found.length === 0)
  screen.say(screen.style("green", `Passed in ${elapsed()} s; everything is stopped again.`));
else {
  process.exitCode = 1;
  screen.say(screen.style("red", `Failed after ${elapsed()} s:`));
  for (const difference of found) screen.say(`  ${difference}`);
  screen.say(`  The logs are in ${here(cluster.logDir)}`);
}

async function start(): Promise<void> {
  step("Nightshift demo: background jobs that survive a killed worker");
  screen.say();
  const own = [env.databaseUrl ? "" : "PostgreSQL", env.redisUrl ? "" : "Redis"].filter(Boolean).join(" and ");
  await cluster.startServers();
  screen.say(
    `  ${own ? `${own} started, data in ${here(env.dataDir)}` : "PostgreSQL and Redis given by the environment"}`,
  );
  await cluster.startProcesses();
  screen.say(`  API, scheduler, dashboard and two workers are ready after ${elapsed()} s`);
  screen.say();
}

async function work(client: Client): Promise<{ groups: readonly Group[]; evidence: Evidence }> {
  step("Asked over HTTP");
  const refusal = await client.enqueue(generate, mistypedInvoice).then(
    () => null,
    (error: unknown) => {
      if (error instanceof ProblemError) return error;
      throw error;
    },
  );
  const short = await client.enqueue(generate, shortInvoice);
  const long = await client.enqueue(generate, longInvoice);
  let over = false;
  const killing = killMidBatch({ workers: cluster.workers, client, after: long.id, isOver: () => over, signal });
  const batch = await client.enqueueMany(certificates.map((payload) => ({ job: generate, payload })));
  const groups: Group[] = [
    { label: "Tax invoice, 3 lines", ids: [short.id] },
    { label: "Tax invoice, 1,000 lines", ids: [long.id] },
    { label: `${certificateCount} certificates, one batch`, ids: batch.map(({ id }) => id) },
  ];
  screen.say(`  accepted   ${groups.map(({ label }) => label).join(" · ")}`);
  if (refusal) {
    screen.say(`  refused    Tax invoice, mistyped GSTIN: ${refusal.status} ${refusal.code}`);
    for (const { path, message } of refusal.errors) screen.say(`             ${path}: ${message}`);
  }
  screen.say();
  step("Working");
  void killing.then(
    (killed) => {
      if (!killed) return;
      screen.say(
        `  ${screen.style("red", "kill -9")} ${killed.worker} (pid ${killed.pid}) after ${killed.doneBefore} certificates, with ${plural(killed.held.length, "document")} in its hands`,
      );
      const lease = seconds(generate.queue.leaseMs);
      screen.say(screen.style("dim", `  Its leases run out within ${lease} s; then a living worker takes over`));
    },
    () => undefined,
  );
  await follow(client, new Progress(screen, groups));
  over = true;
  const killed = await killing;
  screen.keep();
  screen.say();

  const verify = await client.enqueue(verifyDocuments, {});
  const ids = groups.flatMap((group) => group.ids);
  const made = await Promise.all(ids.map((id) => collect(client, id, folder)));
  const verified = await client.wait(verify.id);
  const listed = await list(client);
  return { groups, evidence: { made, verified, listed: listed.length, refusal, killed } };
}

/** Until every job has ended. */
async function follow(client: Client, progress: Progress): Promise<void> {
  for (;;) {
    const jobs = await list(client);
    progress.show(jobs);
    if (jobs.every((job) => isTerminal(job.state))) return;
    await delay(100, undefined, { signal });
  }
}

async function list(client: Client): Promise<readonly JobLine[]> {
  const jobs: JobLine[] = [];
  for await (const job of client.list()) jobs.push(job);
  return jobs;
}
