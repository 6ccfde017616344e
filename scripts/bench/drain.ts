import { hours } from "#core/duration.ts";
import { benchPayload } from "./job.ts";
import type { Measure, Row } from "./measure.ts";
import { benchJob, type Durability, startNightshift, startWorker, tenant } from "./nightshift.ts";
import { startPlainQueue, startPlainWorker } from "./plain.ts";
import { ratio, spread } from "./spread.ts";
import type { Addresses, Stage, Way } from "./stage.ts";

interface Backlog extends Addresses {
  readonly jobs: number;
}
type Work = Backlog & { readonly concurrency: number };
type OfNightshift = { readonly durability: Durability };

/** At one job at a time a ledger job waits for two commits: fewer rounds, or it would take half of the run. */
const atOnce = [
  { concurrency: 50, leastRedis: 0.9, leastLedger: 0.35, share: 1 },
  { concurrency: 10, leastRedis: undefined, leastLedger: undefined, share: 0.6 },
  { concurrency: 1, leastRedis: undefined, leastLedger: undefined, share: 0.2 },
];

/** A backlog of 20,000 jobs that do nothing, worked off by one worker process: the price of a job besides its work. */
export const drain: Measure = {
  name: "drain",
  title: "Drain a backlog of 20,000 no-op jobs",
  async run(stage) {
    const rows: Row[] = [];
    for (const { concurrency, leastRedis, leastLedger, share } of atOnce) {
      const ways = waysOf(stage, concurrency);
      const rounds = Math.max(1, Math.round(stage.rounds * share));
      const rates = await stage.sampleAll<number>(`${this.name} at ${concurrency}`, ways, rounds);
      const row = (ours: Durability, least: number | undefined): Row => ({
        what: `durability "${ours}", concurrency ${concurrency}`,
        unit: "jobs/s",
        value: spread(rates.get(ours)!),
        reference: { name: "BullMQ worker", value: spread(rates.get("plain")!) },
        ratio: ratio(rates.get(ours)!, rates.get("plain")!),
        ...(least !== undefined && { target: { of: "ratio", least } }),
      });
      rows.push(row("redis", leastRedis), row("ledger", leastLedger));
    }
    return rows;
  },
};

function waysOf(stage: Stage, concurrency: number): Way[] {
  const module = import.meta.url;
  const args = { jobs: stage.jobs(20_000), concurrency };
  const of = (name: string, fill: string, call: string, more: object): Way => ({
    name,
    module,
    call,
    args: { ...args, ...more },
    prepare: () => stage.call({ module, call: fill, args: { ...args, ...more } }).result,
  });
  return [
    of("plain", "fillPlain", "drainPlain", {}),
    of("redis", "fillNightshift", "drainNightshift", { durability: "redis" }),
    of("ledger", "fillNightshift", "drainNightshift", { durability: "ledger" }),
  ];
}

const bulkSize = 1_000;

export async function fillPlain({ redisUrl, jobs }: Backlog): Promise<void> {
  const queue = startPlainQueue(redisUrl);
  for (let left = jobs; left > 0; left -= bulkSize)
    await queue.addBulk(Array.from({ length: Math.min(left, bulkSize) }, benchPayload));
  await queue.stop();
}

export async function drainPlain({ redisUrl, jobs, concurrency }: Work): Promise<number> {
  const counter = countTo(jobs);
  const worker = await startPlainWorker(redisUrl, concurrency, async () => counter.count());
  counter.begin();
  worker.run();
  const rate = await counter.perSecond;
  await worker.stop();
  return rate;
}

export async function fillNightshift(args: Backlog & OfNightshift): Promise<void> {
  const job = benchJob(args.durability, 1);
  const nightshift = startNightshift({ ...args, jobs: [job], process: "api" });
  await nightshift.start();
  for (let left = args.jobs; left > 0; left -= bulkSize) {
    const entries = Array.from({ length: Math.min(left, bulkSize) }, () => ({ job, payload: benchPayload() }));
    await nightshift.producer.enqueueMany(tenant, entries);
  }
  await nightshift.stop(); // everything is in Redis and marked as queued
}

export async function drainNightshift(args: Work & OfNightshift): Promise<number> {
  const counter = countTo(args.jobs);
  const job = benchJob(args.durability, args.concurrency, async () => counter.count());
  const nightshift = startNightshift({ ...args, jobs: [job], process: "worker" });
  await nightshift.start();
  counter.begin();
  const host = await startWorker(nightshift);
  const rate = await counter.perSecond;
  await host.stop(hours(1));
  const { rows } = await nightshift.database.executeSql(
    "select count(*)::int as open from nightshift.jobs where state <> 'completed'",
  );
  await nightshift.stop();
  if (rows[0]!.open > 0) throw new Error(`Expected every job to be completed, found ${rows[0]!.open} that are not`);
  return rate;
}

/** Jobs per second, from `begin` to the last job's handler. */
function countTo(jobs: number) {
  const { promise, resolve } = Promise.withResolvers<number>();
  let began = 0;
  let done = 0;
  return {
    perSecond: promise,
    begin() {
      began = performance.now();
    },
    count() {
      done += 1;
      if (done === jobs) resolve(jobs / ((performance.now() - began) / 1_000));
    },
  };
}
