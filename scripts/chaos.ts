import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { countLogged, countOpen, takeCensus } from "./chaos/census.ts";
import { seconds } from "./chaos/checks/times.ts";
import { Cluster, tenant } from "./chaos/cluster.ts";
import { diagnose } from "./chaos/diagnosis.ts";
import type { Evidence } from "./chaos/evidence.ts";
import { type Inflicted, inflict } from "./chaos/inflict.ts";
import { Load } from "./chaos/load.ts";
import { type ChaosOptions, readOptions, usage } from "./chaos/options.ts";
import { type Fault, nameFault, planFaults } from "./chaos/plan.ts";
import { recoveries } from "./chaos/recovery.ts";
import { planLines, recoveryLines, verdictLines } from "./chaos/report.ts";
import { judge } from "./chaos/verdict.ts";

/**
 * `npm run chaos`: faults at random over a running Nightshift, then a verdict. Exit codes: 0 every promise held; 1 one did
 * not, and is named; 64 the options are not fit; 130 stopped by a signal. Nothing is left running in any case.
 */
const exitCodes = { broken: 1, badUsage: 64, interrupted: 130 } as const;
const tailMs = 1_000; // the load goes on over the last heal
const bootMs = 180_000; // a first run may fetch Redis
const stopping = new AbortController();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"])
  process.on(signal, () => (stopping.signal.aborted ? process.exit(exitCodes.interrupted) : stopping.abort()));

const say = (lines: string | readonly string[] = "") => {
  for (const line of [lines].flat()) process.stdout.write(`${line}\n`);
};

const options = orUsage(() => readOptions(process.argv.slice(2)));
const { seed, durationMs, kinds } = options;
const plan = orUsage(() => {
  const faults = planFaults({ seed, durationMs, kinds });
  if (faults.length === 0)
    throw new RangeError(`Expected time for a fault, found none that fits into ${seconds(durationMs)}`);
  return faults;
});
say(`Seed ${seed}: ${plan.length} faults in ${seconds(durationMs)}`);
say(planLines(plan));
if (!options.planOnly) process.exitCode = await run(options, plan);
process.exit();

async function run(options: ChaosOptions, plan: readonly Fault[]): Promise<number> {
  const overall = AbortSignal.timeout(bootMs + 3 * options.durationMs + 2 * options.patienceMs);
  const signal = AbortSignal.any([stopping.signal, overall]);
  const cluster = new Cluster();
  let keep = true;
  try {
    await cluster.start(signal);
    const broken = await trial(options, plan, cluster, signal);
    keep = broken || options.keep;
    return broken ? exitCodes.broken : 0;
  } catch (error) {
    keep = !stopping.signal.aborted;
    if (stopping.signal.aborted) return exitCodes.interrupted;
    say(`Failed: ${(error as Error).stack}`);
    return exitCodes.broken;
  } finally {
    await cluster.stop();
    if (keep) say(`Data and logs are in ${cluster.dir}`);
    else cluster.remove();
  }
}

/** Load and faults, then quiet, then the verdict. Resolves with whether a promise was broken. */
async function trial(
  { seed, ratePerS, patienceMs }: ChaosOptions,
  plan: readonly Fault[],
  cluster: Cluster,
  signal: AbortSignal,
): Promise<boolean> {
  const load = new Load({ client: cluster.client(), seed, ratePerS });
  const beganAt = Date.now();
  say(["", `Running: API, scheduler, 3 workers, ${ratePerS} jobs a second`]);
  load.start();
  const inflicted: Inflicted[] = [];
  for (const fault of plan) {
    await delay(Math.max(0, beganAt + fault.atMs - Date.now()), undefined, { signal });
    say(`  ${seconds(Date.now() - beganAt).padStart(8)}  ${fault.number} ${nameFault(fault)}`);
    inflicted.push(await inflict(fault, cluster, signal));
    say(`  ${seconds(Date.now() - beganAt).padStart(8)}  ${fault.number} healed; ${load.asked.length} jobs asked for`);
  }
  const healedAt = Date.now();
  await delay(tailMs, undefined, { signal });
  await load.stop();
  const settledMs = await settle(cluster, healedAt, patienceMs, signal);
  say(
    `  ${seconds(Date.now() - beganAt).padStart(8)}  ${settledMs === null ? "out of patience" : "everything has ended"}`,
  );

  const evidence: Evidence = {
    ...(await takeCensus(cluster.database, tenant)),
    asked: load.asked,
    askedBatches: load.batches,
    effects: cluster.world.effects(),
    keyedAgain: cluster.world.keyedAgain(),
    staleRefused: countLogged(cluster.workerLogs, "attempt.lost"),
    inflicted,
    ownEnds: cluster.ownEnds,
    settledMs,
    patienceMs,
  };
  writeFileSync(join(cluster.dir, "evidence.json"), JSON.stringify(evidence));
  const verdict = judge(evidence);
  say(["", "Verdict", ...verdictLines(verdict), "", "Faults", ...recoveryLines(recoveries(evidence), beganAt), ""]);
  if (verdict.broken.length === 0) say(`Passed: every promise held. Seed ${seed}.`);
  else {
    say([`Failed, seed ${seed}:`, ...verdict.broken.map((sentence) => `  ${sentence}`)]);
    say(await diagnose(verdict, evidence.jobs, cluster));
  }
  return verdict.broken.length > 0;
}

/** Until nothing is open: the time since the last heal, or `null` when that took too long. */
async function settle(
  cluster: Cluster,
  healedAt: number,
  patienceMs: number,
  signal: AbortSignal,
): Promise<number | null> {
  while (Date.now() - healedAt <= patienceMs) {
    const open = await countOpen(cluster.database, tenant).catch(() => null); // its connection may be one that was cut
    if (open === 0) return Date.now() - healedAt;
    await delay(100, undefined, { signal });
  }
  return null;
}

function orUsage<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n\n${usage}`);
    process.exit(exitCodes.badUsage);
  }
}
