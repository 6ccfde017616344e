import { minutes } from "#core/duration.ts";
import { benchPayload, type Cost, longestSampleMs, meter } from "./job.ts";
import { compare, type Measure, type Row } from "./measure.ts";
import {
  benchJob,
  type Durability,
  notWaitingForDisk,
  type Order,
  startNightshift,
  startWorker,
  tenant,
} from "./nightshift.ts";
import { startPlainQueue, startPlainWorker } from "./plain.ts";
import type { Addresses, Stage, Way } from "./stage.ts";

interface Backlog extends Addresses {
  /** Done before the clock starts: a worker that has just started still compiles its code. */
  readonly warmUp: number;
  readonly jobs: number;
}
type Work = Backlog & { readonly concurrency: number };
interface OfNightshift {
  readonly durability: Durability;
  readonly order?: Order;
  /** Postgres makes sure of every commit, as in production. `false`: what the disk has to do with a figure. */
  readonly sync?: boolean;
}

/** A way of ours, and what its rows say beside durability and concurrency. */
interface Variant extends OfNightshift {
  readonly beside: string;
}

const usual: readonly Variant[] = [
  { durability: "redis", beside: "" },
  { durability: "ledger", beside: "" },
];
const others: readonly Variant[] = [
  { durability: "redis", order: "priority", beside: ", with priorities" },
  { durability: "ledger", order: "priority", beside: ", with priorities" },
  { durability: "ledger", sync: false, beside: ", commits that do not wait for the disk" },
];
const nameOf = ({ durability, beside }: Variant): string => `${durability}${beside}`;

/** One at a time is asked least and takes longest (a ledger job then waits for two commits of its own): fewer rounds. */
const loads = [
  { concurrency: 50, least: { redis: 0.9, ledger: 0.35 }, share: 1 },
  { concurrency: 10, share: 0.4 },
  { concurrency: 1, share: 0.2 },
];

/** A backlog of 20,000 jobs that do nothing, worked off by one worker process: the price of a job besides its work. */
export const drain: Measure = {
  name: "drain",
  title: "Drain a backlog of 20,000 no-op jobs",
  async run(stage) {
    const rows: Row[] = [];
    for (const { concurrency, least, share } of loads) {
      const variants = least ? [...usual, ...others] : usual;
      const ways = waysOf(stage, concurrency, variants);
      const costs = await stage.sampleAll<Cost>(`${this.name} at ${concurrency}`, ways, stage.share(share));
      const row = (variant: Variant, of: keyof Cost, target?: Row["target"]): Row => {
        const values = (way: string) => costs.get(way)!.map((cost) => cost[of]);
        const what = `durability "${variant.durability}", concurrency ${concurrency}${variant.beside}`;
        return compare(
          of === "perSecond"
            ? { what, unit: "jobs/s", target }
            : { what: `${what}: processor time of the worker`, unit: "µs/job" },
          values(nameOf(variant)),
          { name: "BullMQ worker", values: values("plain") },
        );
      };
      for (const variant of variants) {
        const asked = usual.includes(variant) ? least?.[variant.durability] : undefined;
        rows.push(row(variant, "perSecond", asked === undefined ? undefined : { of: "ratio", least: asked }));
      }
      if (least) rows.push(...usual.map((variant) => row(variant, "cpuMicros")));
    }
    return rows;
  },
};

function waysOf(stage: Stage, concurrency: number, variants: readonly Variant[]): Way[] {
  const module = import.meta.url;
  const args = { warmUp: stage.jobs(4_000), jobs: stage.jobs(20_000), concurrency };
  const of = (name: string, fill: string, call: string, more: object): Way => ({
    name,
    module,
    call,
    args: { ...args, ...more },
    prepare: () => stage.call({ module, call: fill, args: { ...args, ...more } }).result,
  });
  return [
    of("plain", "fillPlain", "drainPlain", {}),
    ...variants.map((variant) => of(nameOf(variant), "fillNightshift", "drainNightshift", variant)),
  ];
}

const bulkSize = 1_000;

export async function fillPlain({ redisUrl, warmUp, jobs }: Backlog): Promise<void> {
  const queue = startPlainQueue(redisUrl);
  for (let left = warmUp + jobs; left > 0; left -= bulkSize)
    await queue.addBulk(Array.from({ length: Math.min(left, bulkSize) }, benchPayload));
  await queue.stop();
}

export async function drainPlain({ redisUrl, warmUp, jobs, concurrency }: Work): Promise<Cost> {
  const counter = countTo(warmUp, jobs);
  const worker = await startPlainWorker(redisUrl, concurrency, async () => counter.count());
  worker.run();
  const cost = await counter.cost;
  await worker.stop();
  return cost;
}

export async function fillNightshift(args: Backlog & OfNightshift): Promise<void> {
  const job = benchJob({ ...args, concurrency: 1 });
  const nightshift = startNightshift({ ...args, jobs: [job], process: "api" });
  await nightshift.start();
  for (let left = args.warmUp + args.jobs; left > 0; left -= bulkSize) {
    const entries = Array.from({ length: Math.min(left, bulkSize) }, () => ({ job, payload: benchPayload() }));
    await nightshift.producer.enqueueMany(tenant, entries);
  }
  await nightshift.stop(); // everything is in Redis and marked as queued
}

export async function drainNightshift({ sync = true, ...args }: Work & OfNightshift): Promise<Cost> {
  const counter = countTo(args.warmUp, args.jobs);
  const job = benchJob({ ...args, handle: async () => counter.count() });
  const databaseUrl = sync ? args.databaseUrl : notWaitingForDisk(args.databaseUrl);
  const nightshift = startNightshift({ ...args, databaseUrl, jobs: [job], process: "worker" });
  await nightshift.start();
  const host = await startWorker(nightshift);
  const cost = await counter.cost;
  await host.stop(minutes(1));
  const { rows } = await nightshift.database.executeSql(
    "select count(*)::int as open from nightshift.jobs where state <> 'completed'",
  );
  await nightshift.stop();
  const open = rows[0]!.open as number;
  if (open > 0 && counter.isDone) throw new Error(`Expected every job to be completed, found ${open} that are not`);
  return cost;
}

/** From the last job of the warm-up to the last job of all, or as many as there is time for. */
function countTo(warmUp: number, jobs: number) {
  const { promise: cost, resolve } = Promise.withResolvers<Cost>();
  let end: ReturnType<typeof meter> | undefined;
  let done = 0;
  const finish = () => {
    clearTimeout(timer);
    resolve(end!(done - warmUp));
  };
  let timer: NodeJS.Timeout;
  return {
    cost,
    get isDone() {
      return done === warmUp + jobs;
    },
    count() {
      done += 1;
      if (done === warmUp) {
        end = meter();
        timer = setTimeout(finish, longestSampleMs);
      }
      if (done === warmUp + jobs) finish();
    },
  };
}
