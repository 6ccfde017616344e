import { serve } from "./api.ts";
import { now } from "./clock.ts";
import { diskDelays } from "./disk.ts";
import { type BenchPayload, benchPayload } from "./job.ts";
import { compare, type Measure, type Row } from "./measure.ts";
import { benchJob, startNightshift, startWorker, tenant } from "./nightshift.ts";
import { startPlainQueue, startPlainWorker } from "./plain.ts";
import type { Wire } from "./remote.ts";
import { quantile, spread } from "./spread.ts";
import type { Addresses, Stage } from "./stage.ts";

const everyMs = 100; // 10 jobs a second: idle, as most systems are most of the time
const key = "a-key-that-only-the-bench-knows";
const tenSlots = { durability: "ledger", concurrency: 10 } as const;
const job = benchJob(tenSlots);

/** A handler began: which job, and when. */
interface Began {
  readonly documentId: string;
  readonly at: number;
}

/**
 * From the moment before a caller sends a job to the moment its handler begins, with nothing else to do. Caller, API and
 * worker are three processes; plain BullMQ has no API, so there they are two.
 */
export const latency: Measure = {
  name: "latency",
  title: "Pickup at 10 jobs/s: from sending to the handler's start",
  async run(stage) {
    const count = stage.jobs(100);
    const ours: number[][] = [];
    const theirs: number[][] = [];
    const disk: number[][] = [];
    for (let round = 0; round < stage.share(0.6); round += 1) {
      await stage.reset();
      theirs.push(await plainRound(stage, count));
      await stage.reset();
      ours.push(await httpRound(stage, count));
      disk.push(await diskDelays(stage.addresses, count, everyMs));
      stage.print(
        { round: round + 1, ours: quantile(ours.at(-1)!, 0.5), plain: quantile(theirs.at(-1)!, 0.5) },
        "latency",
      );
    }
    const row = (what: string, q: number, most: number): Row => {
      const at = (rounds: readonly number[][]) => rounds.map((delays) => quantile(delays, q));
      const reference = { name: "BullMQ add, without HTTP", values: at(theirs) };
      return compare({ what, unit: "ms", target: { of: "value", most } }, at(ours), reference);
    };
    const alone = (q: number) => spread(disk.map((delays) => quantile(delays, q)));
    return [
      row('HTTP, durability "ledger", p50', 0.5, 10),
      row('HTTP, durability "ledger", p99', 0.99, 40),
      { what: "one fdatasync of the disk by itself, p50", unit: "ms", value: alone(0.5) },
      { what: "the same, p99", unit: "ms", value: alone(0.99) },
    ];
  },
};

async function httpRound(stage: Stage, count: number): Promise<number[]> {
  const module = import.meta.url;
  const api = stage.call({ module, call: "serveApi", args: {} });
  const url = await api.heard<string>();
  const worker = stage.call({ module, call: "noteStarts", args: {} });
  await worker.heard();
  const headers = {
    authorization: `Bearer ${key}`,
    "nightshift-tenant": tenant,
    "content-type": "application/json",
  };
  const send = async (payload: BenchPayload) => {
    const answer = await fetch(`${url}/v1/jobs/${job.name}`, {
      method: "POST",
      headers,
      body: JSON.stringify({ payload }),
    });
    await answer.arrayBuffer();
    if (answer.status !== 202) throw new Error(`Expected 202, found ${answer.status}`);
  };
  const delays = await pace(count, send, () => worker.heard<Began>());
  api.say("stop");
  worker.say("stop");
  await Promise.all([api.result, worker.result]);
  return delays;
}

async function plainRound(stage: Stage, count: number): Promise<number[]> {
  const worker = stage.call({ module: import.meta.url, call: "notePlainStarts", args: {} });
  await worker.heard();
  const queue = startPlainQueue(stage.addresses.redisUrl);
  const delays = await pace(
    count,
    (payload) => queue.add(payload),
    () => worker.heard<Began>(),
  );
  await queue.stop();
  worker.say("stop");
  await worker.result;
  return delays;
}

/** Send `count` jobs, one every `everyMs`, after ten to warm up; answers the delay of each, in ms. */
async function pace(count: number, send: (payload: BenchPayload) => Promise<unknown>, heard: () => Promise<Began>) {
  const delays: number[] = [];
  for (let sent = -10; sent < count; sent += 1) {
    const payload = benchPayload();
    const due = now() + everyMs;
    const at = now();
    const [began] = await Promise.all([heard(), send(payload)]);
    if (began.documentId !== payload.documentId) throw new Error("Expected the job just sent to begin, found another");
    if (sent >= 0) delays.push(began.at - at);
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, due - now())));
  }
  return delays;
}

export async function serveApi(addresses: Addresses, wire: Wire): Promise<void> {
  const nightshift = startNightshift({ ...addresses, jobs: [job], process: "api" });
  await serve(nightshift, wire, { bootstrapKey: key });
}

export async function noteStarts(addresses: Addresses, wire: Wire): Promise<void> {
  const noting = benchJob({
    ...tenSlots,
    handle: async ({ documentId }) => wire.say({ documentId, at: now() } satisfies Began),
  });
  const nightshift = startNightshift({ ...addresses, jobs: [noting], process: "worker" });
  await nightshift.start();
  const host = await startWorker(nightshift);
  wire.say("ready");
  await wire.heard();
  await host.stop(1_000);
  await nightshift.stop();
}

export async function notePlainStarts({ redisUrl }: Addresses, wire: Wire): Promise<void> {
  const worker = await startPlainWorker(redisUrl, 10, async ({ documentId }) =>
    wire.say({ documentId, at: now() } satisfies Began),
  );
  worker.run();
  wire.say("ready");
  await wire.heard();
  await worker.stop();
}
