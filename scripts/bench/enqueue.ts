import { benchPayload, type Cost, costOf } from "./job.ts";
import { compare, type Measure, type Row } from "./measure.ts";
import { benchJob, type Durability, type Order, startNightshift, tenant } from "./nightshift.ts";
import { startBoss, startPlainQueue } from "./plain.ts";
import type { Addresses, Way } from "./stage.ts";

/** One call after the other, and with a hundred callers at once. */
interface Sample {
  readonly one: Cost;
  readonly hundred: Cost;
}

interface Counts extends Addresses {
  readonly warmUp: number;
  readonly one: number;
  readonly hundred: number;
}

const names = { plain: "BullMQ add", "pg-boss": "pg-boss send" } as const;
const inFlight = { one: "1 in flight", hundred: "100 in flight" } as const;

/** Single calls, in a process that does nothing else: what a request handler pays that enqueues one job. */
export const enqueue: Measure = {
  name: "enqueue",
  title: "Enqueue, one job per call",
  async run(stage) {
    const module = import.meta.url;
    const counts = { warmUp: stage.jobs(4_000), one: stage.jobs(1_000), hundred: stage.jobs(20_000) };
    // At its speed pg-boss would take as long as all others together.
    const fewer = { ...counts, warmUp: stage.jobs(1_000), hundred: stage.jobs(6_000) };
    const ways: Way[] = [
      { name: "plain", module, call: "enqueuePlain", args: counts },
      { name: "redis", module, call: "enqueueNightshift", args: { ...counts, durability: "redis" } },
      { name: "ledger", module, call: "enqueueNightshift", args: { ...counts, durability: "ledger" } },
      {
        name: "with priorities",
        module,
        call: "enqueueNightshift",
        args: { ...counts, durability: "redis", order: "priority" },
      },
      { name: "pg-boss", module, call: "enqueueBoss", args: fewer },
    ];
    const samples = await stage.sampleAll<Sample>(this.name, ways);
    const values = (way: string, load: keyof Sample, of: keyof Cost) => samples.get(way)!.map((s) => s[load][of]);
    const row = (ours: Durability, theirs: keyof typeof names, load: keyof Sample, least?: number): Row =>
      compare(
        {
          what: `durability "${ours}", ${inFlight[load]}`,
          unit: "calls/s",
          target: least === undefined ? undefined : { of: "ratio", least },
        },
        values(ours, load, "perSecond"),
        { name: names[theirs], values: values(theirs, load, "perSecond") },
      );
    const what = `durability "redis", ${inFlight.hundred}, with priorities`;
    const prioritised = compare({ what, unit: "calls/s" }, values("with priorities", "hundred", "perSecond"), {
      name: names.plain,
      values: values("plain", "hundred", "perSecond"),
    });
    const cpu = (ours: Durability): Row =>
      compare(
        { what: `durability "${ours}", ${inFlight.hundred}: processor time of the caller`, unit: "µs/call" },
        values(ours, "hundred", "cpuMicros"),
        { name: names.plain, values: values("plain", "hundred", "cpuMicros") },
      );
    return [
      row("redis", "plain", "hundred", 0.75),
      row("ledger", "pg-boss", "hundred", 3),
      row("redis", "plain", "one"),
      row("ledger", "pg-boss", "one"),
      row("ledger", "plain", "hundred"),
      row("ledger", "plain", "one"),
      prioritised,
      cpu("redis"),
      cpu("ledger"),
    ];
  },
};

export async function enqueuePlain({ redisUrl, ...counts }: Counts): Promise<Sample> {
  const queue = startPlainQueue(redisUrl);
  const sample = await take(counts, () => queue.add(benchPayload()));
  await queue.stop();
  return sample;
}

export async function enqueueNightshift(args: Counts & { durability: Durability; order?: Order }): Promise<Sample> {
  const job = benchJob({ ...args, concurrency: 50 });
  const nightshift = startNightshift({ ...args, jobs: [job], process: "api" });
  await nightshift.start();
  const sample = await take(args, () => nightshift.producer.enqueue(tenant, job, benchPayload()));
  await nightshift.stop();
  return sample;
}

export async function enqueueBoss({ databaseUrl, ...counts }: Counts): Promise<Sample> {
  const boss = await startBoss(databaseUrl);
  const sample = await take(counts, () => boss.send(benchPayload()));
  await boss.stop();
  return sample;
}

async function take(counts: Omit<Counts, keyof Addresses>, call: () => Promise<unknown>): Promise<Sample> {
  await costOf(counts.warmUp, 100, call);
  const one = await costOf(counts.one, 1, call);
  return { one, hundred: await costOf(counts.hundred, 100, call) };
}
