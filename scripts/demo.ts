import { join } from "node:path";
import { readEnvironment } from "../src/process.ts";
import { Cluster } from "./demo/cluster.ts";
import { differences } from "./demo/proof.ts";
import { here, sayNext, sayResult, seconds } from "./demo/report.ts";
import { Screen } from "./demo/screen.ts";
import { work } from "./demo/work.ts";

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

const elapsed = () => seconds(performance.now());

const cluster = new Cluster({
  env,
  signal,
  onDownload: () => screen.say("  There is no Redis on this machine: taking it from the system's packages, this once"),
});
let found: readonly string[] = [];
try {
  await start();
  const [application, operator] = await Promise.all([cluster.connect("producer"), cluster.connect("operator")]);
  const { groups, evidence } = await work({ application, operator, workers: cluster.workers, screen, folder, signal });
  sayResult(screen, groups, evidence);
  sayNext(screen, { env, folder, made: evidence.made, tenant: cluster.tenant });
  found = differences(evidence);
} catch (error) {
  screen.keep();
  if (stopping.signal.aborted) process.exitCode = 130;
  else found = [signal.aborted ? `expected an end within ${ceilingMs / 1_000} s, found none` : reasonOf(error)];
}
await cluster.stop();

if (process.exitCode === 130)
  screen.say("Stopped; nothing is left running. What was accepted goes on at the next start.");
else if (found.length === 0)
  screen.say(screen.style("green", `Passed in ${elapsed()} s; everything is stopped again.`));
else {
  process.exitCode = 1;
  screen.say(screen.style("red", `Failed after ${elapsed()} s:`));
  for (const difference of found) screen.say(`  ${difference}`);
  screen.say(`  The logs are in ${here(cluster.logDir)}`);
}

async function start(): Promise<void> {
  screen.say(screen.style("bold", "Nightshift demo"));
  screen.say("  An application hands work off over HTTP. What was accepted is done, and done once,");
  screen.say("  also when a process that works on it is killed.");
  screen.say();
  const own = [env.databaseUrl ? "" : "PostgreSQL", env.redisUrl ? "" : "Redis"].filter(Boolean).join(" and ");
  screen.draw(["  Starting PostgreSQL and Redis"]);
  await cluster.startServers();
  screen.draw(["  Starting the API, the scheduler, the dashboard and two workers"]);
  screen.say(
    own ? `  ${own} started, data in ${here(env.dataDir)}` : "  PostgreSQL and Redis: those of the environment",
  );
  await cluster.startProcesses();
  screen.draw([]);
  screen.say(`  API, scheduler, dashboard and two workers ready after ${elapsed()} s`);
  screen.say();
}

/** A refused connection says everything in its code and nothing in its message. */
function reasonOf(error: unknown): string {
  const { message, code } = error as { message?: string; code?: string };
  return message || code || String(error);
}
