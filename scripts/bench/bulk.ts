import { benchPayload, perSecond } from "./job.ts";
import type { Measure, Row } from "./measure.ts";
import { benchJob, type Durability, startNightshift, tenant } from "./nightshift.ts";
import { startPlainQueue } from "./plain.ts";
import { ratio, spread } from "./spread.ts";
import type { Addresses, Way } from "./stage.ts";

interface Bulks extends Addresses {
  readonly bulks: number;
  readonly size: number;
}

/** Bulks of a thousand, one after the other: until the caller knows that all are accepted. */
export const bulk: Measure = {
  name: "bulk",
  title: "Enqueue, 1,000 jobs per call",
  async run(stage) {
    const module = import.meta.url;
    const args = { bulks: 15, size: stage.jobs(1_000) };
    const ways: Way[] = [
      { name: "plain", module, call: "bulkPlain", args },
      { name: "ledger", module, call: "bulkNightshift", args: { ...args, durability: "ledger" } },
      { name: "redis", module, call: "bulkNightshift", args: { ...args, durability: "redis" } },
    ];
    const samples = await stage.sampleAll<number>(this.name, ways);
    const row = (ours: Durability, least?: number): Row => ({
      what: `durability "${ours}", enqueueMany`,
      unit: "jobs/s",
      value: spread(samples.get(ours)!),
      reference: { name: "BullMQ addBulk", value: spread(samples.get("plain")!) },
      ratio: ratio(samples.get(ours)!, samples.get("plain")!),
      ...(least !== undefined && { target: { of: "ratio", least } }),
    });
    return [row("ledger", 0.4), row("redis")];
  },
};

export async function bulkPlain({ redisUrl, bulks, size }: Bulks): Promise<number> {
  const queue = startPlainQueue(redisUrl);
  const rate = await take(bulks, size, () => queue.addBulk(payloads(size)));
  await queue.stop();
  return rate;
}

export async function bulkNightshift(args: Bulks & { durability: Durability }): Promise<number> {
  const job = benchJob(args.durability, 50);
  const nightshift = startNightshift({ ...args, jobs: [job], process: "api" });
  await nightshift.start();
  const rate = await take(args.bulks, args.size, () =>
    nightshift.producer.enqueueMany(
      tenant,
      payloads(args.size).map((payload) => ({ job, payload })),
    ),
  );
  await nightshift.stop();
  return rate;
}

function payloads(size: number) {
  return Array.from({ length: size }, benchPayload);
}

async function take(bulks: number, size: number, one: () => Promise<unknown>): Promise<number> {
  await perSecond(3, 1, one);
  return size * (await perSecond(bulks, 1, one));
}
