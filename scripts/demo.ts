import { join } from "node:path";
import { readEnvironment } from "../src/process.ts";
import { ProviderRig } from "./demo/ai/provider-rig.ts";
import { Cluster } from "./demo/cluster.ts";
import { workFamilies } from "./demo/families.ts";
import { sayNext, sayResult } from "./demo/page.ts";
import { differences } from "./demo/proof.ts";
import { Screen } from "./demo/screen.ts";
import { here, seconds } from "./demo/wording.ts";

/**
 * `npm run demo`: the four families of work, for five platforms, in some seconds, on real servers and real processes. Exit
 * codes: 0 every accepted job ended as it should, and what each family promised holds; 1 something differs, and is named;
 * 130 stopped by a signal. Nothing is left running in any case.
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
const rig = new ProviderRig();
let found: readonly string[] = [];
try {
  await start();
  const { groups, evidence } = await workFamilies({ cluster, rig, screen, folder, signal });
  sayResult(screen, groups, evidence);
  sayNext(screen, { env, evidence });
  found = differences(evidence);
} catch (error) {
  screen.keep();
  if (stopping.signal.aborted) process.exitCode = 130;
  else found = [signal.aborted ? `expected an end within ${ceilingMs / 1_000} s, found none` : reasonOf(error)];
}
await cluster.stop();
await rig.stop();

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
  screen.say("  Five platforms hand work off over HTTP: documents, reminders, reports, AI answers. What was");
  screen.say("  accepted is done, and done once, also when a process that works on it is killed.");
  screen.say();
  const own = [env.databaseUrl ? "" : "PostgreSQL", env.redisUrl ? "" : "Redis"].filter(Boolean).join(" and ");
  screen.draw(["  Starting PostgreSQL and Redis"]);
  await cluster.startServers();
  screen.draw(["  Starting the API, the scheduler, the dashboard and three workers"]);
  screen.say(
    own ? `  ${own} started, data in ${here(env.dataDir)}` : "  PostgreSQL and Redis: those of the environment",
  );
  await rig.start(cluster.logDir);
  await cluster.startProcesses(rig.settings);
  screen.draw([]);
  screen.say(`  API, scheduler, dashboard and three workers ready after ${elapsed()} s`);
  screen.say();
}

/** A refused connection says everything in its code and nothing in its message. */
function reasonOf(error: unknown): string {
  const { message, code } = error as { message?: string; code?: string };
  return message || code || String(error);
}
