import { benchPayload, perSecond } from "./job.ts";
import type { Measure, Row } from "./measure.ts";
import { benchJob, type Durability, startNightshift, tenant } from "./nightshift.ts";
import { startBoss, startPlainQueue } from "./plain.ts";
import { ratio, spread } from "./spread.ts";
import type { Addresses, Way } from "./stage.ts";

/** Calls per second, one after the other and with a hundred callers at once. */
interface Sample {
  readonly one: number;
  readonly hundred: number;
}

interface Counts extends Addresses {
  readonly warmUp: number;
  readonly one: number;
  readonly hundred: number;
}

/** Single calls: what a request handler pays that enqueues one job. */
export const enqueue: Measure = {
  name: "enqueue",
  title: "Enqueue, one job per call",
  async run(stage) {
    const module = import.meta.url;
    const counts = { warmUp: stage.jobs(2_000), one: stage.jobs(2_000), hundred: stage.jobs(20_000) };
    const fewer = { ...counts, hundred: stage.jobs(6_000) }; // pg-boss would take the time of all others together
    const ways: Way[] = [
      { name: "plain", module, call: "enqueuePlain", args: counts },
      { name: "redis", module, call: "enqueueNightshift", args: { ...counts, durability: "redis" } },
      { name: "ledger", module, call: "enqueueNightshift", args: { ...counts, durability: "ledger" } },
      { name: "pg-boss", module, call: "enqueueBoss", args: fewer },
    ];
    const samples = await stage.sampleAll<Sample>(this.name, ways);
    const rates = (name: string, load: keyof Sample) => samples.get(name)!.map((sample) => sample[load]);
    const row = (ours: Durability, theirs: string, load: keyof Sample, least?: number): Row => ({
      what: `durability "${ours}", ${load === "one" ? "1" : "100"} in flight`,
      unit: "calls/s",
      value: spread(rates(ours, load)),
      reference: { name: theirs === "plain" ? "BullMQ add" : "pg-boss send", value: spread(rates(theirs, load)) },
      ratio: ratio(rates(ours, load), rates(theirs, load)),
      ...(least !== undefined && { target: { of: "ratio", least } }),
    });
    return [
      row("redis", "plain", "hundred", 0.75),
      row("ledger", "pg-boss", "hundred", 3),
      row("redis", "plain", "one"),
      row("ledger", "pg-boss", "one"),
      row("ledger", "plain", "hundred"),
      row("ledger", "plain", "one"),
    ];
  },
};

export async function enqueuePlain({ redisUrl, ...counts }: Counts): Promise<Sample> {
  const queue = startPlainQueue(redisUrl);
  const sample = await take(counts, () => queue.add(benchPayload()));
  await queue.stop();
  return sample;
}

export async function enqueueNightshift(args: Counts & { durability: Durability }): Promise<Sample> {
  const job = benchJob(args.durability, 50);
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

async function take(counts: Omit<Counts, keyof Addresses>, one: () => Promise<unknown>): Promise<Sample> {
  await perSecond(counts.warmUp, 100, one);
  const alone = await perSecond(counts.one, 1, one);
  return { one: alone, hundred: await perSecond(counts.hundred, 100, one) };
}
