import { benchPayload, costOf } from "./job.ts";
import { compare, type Measure, type Row } from "./measure.ts";
import { benchJob, type Durability, startNightshift, tenant } from "./nightshift.ts";
import { startPlainQueue } from "./plain.ts";
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
    const args = { bulks: 20, size: stage.jobs(1_000) };
    const ways: Way[] = [
      { name: "plain", module, call: "bulkPlain", args },
      { name: "ledger", module, call: "bulkNightshift", args: { ...args, durability: "ledger" } },
      { name: "redis", module, call: "bulkNightshift", args: { ...args, durability: "redis" } },
    ];
    const rates = await stage.sampleAll<number>(this.name, ways);
    const row = (ours: Durability, least?: number): Row =>
      compare(
        {
          what: `durability "${ours}", enqueueMany`,
          unit: "jobs/s",
          target: least === undefined ? undefined : { of: "ratio", least },
        },
        rates.get(ours)!,
        { name: "BullMQ addBulk", values: rates.get("plain")! },
      );
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
  const job = benchJob({ ...args, concurrency: 50 });
  const nightshift = startNightshift({ ...args, jobs: [job], process: "api" });
  await nightshift.start();
  const entries = () => payloads(args.size).map((payload) => ({ job, payload }));
  const rate = await take(args.bulks, args.size, () => nightshift.producer.enqueueMany(tenant, entries()));
  await nightshift.stop();
  return rate;
}

function payloads(size: number) {
  return Array.from({ length: size }, benchPayload);
}

/** Jobs per second. */
async function take(bulks: number, size: number, call: () => Promise<unknown>): Promise<number> {
  await costOf(5, 1, call); // warms up
  return size * (await costOf(bulks, 1, call)).perSecond;
}
