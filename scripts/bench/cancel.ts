import { now } from "./clock.ts";
import { benchPayload } from "./job.ts";
import type { Measure, Row } from "./measure.ts";
import { benchJob, startNightshift, startWorker, tenant } from "./nightshift.ts";
import type { Wire } from "./remote.ts";
import { quantile, spread } from "./spread.ts";
import type { Addresses, Stage } from "./stage.ts";

const running = 50; // at once: every one of them hears of its own cancel alone

/** From the call that cancels a running job to the abort of its handler's signal, in another process. */
export const cancel: Measure = {
  name: "cancel",
  title: "Cancel of a running job in another process",
  async run(stage) {
    const count = stage.jobs(200);
    const rounds: number[][] = [];
    for (let round = 0; round < stage.share(0.6); round += 1) {
      await stage.reset();
      rounds.push(await cancelRound(stage, count));
      stage.print({ round: round + 1, p50: quantile(rounds.at(-1)!, 0.5) }, "cancel");
    }
    const row = (what: string, q: number, most?: number): Row => ({
      what,
      unit: "ms",
      value: spread(rounds.map((delays) => quantile(delays, q))),
      ...(most !== undefined && { target: { of: "value" as const, most } }),
    });
    return [row("until the handler's signal aborts, p50", 0.5), row("the same, p99", 0.99, 1_000)];
  },
};

async function cancelRound(stage: Stage, count: number): Promise<number[]> {
  const module = import.meta.url;
  const worker = stage.call({ module, call: "noteAborts", args: {} });
  await worker.heard();
  const caller = stage.call({ module, call: "cancelEach", args: {} });
  const delays: number[] = [];
  while (delays.length < count) {
    caller.say("enqueue");
    for (let begun = 0; begun < running; begun += 1) await worker.heard();
    for (let left = running; left > 0; left -= 1) {
      caller.say("cancel");
      const [calledAt, stopped] = await Promise.all([caller.heard<number>(), worker.heard<number>()]);
      delays.push(stopped - calledAt);
    }
  }
  for (const one of [caller, worker]) one.say("stop");
  await Promise.all([caller.result, worker.result]);
  return delays;
}

/** Enqueues jobs and cancels them one by one, as it is told; says when it called. */
export async function cancelEach(addresses: Addresses, wire: Wire): Promise<void> {
  const job = benchJob({ durability: "ledger", concurrency: running });
  const nightshift = startNightshift({ ...addresses, jobs: [job], process: "api" });
  await nightshift.start();
  const ids: string[] = [];
  for (let word = await wire.heard<string>(); word !== "stop"; word = await wire.heard<string>()) {
    if (word === "enqueue") {
      const entries = Array.from({ length: running }, () => ({ job, payload: benchPayload() }));
      ids.push(...(await nightshift.producer.enqueueMany(tenant, entries)).map(({ id }) => id));
    } else {
      const at = now();
      await nightshift.cancellation.cancel(tenant, ids.shift()!);
      wire.say(at);
    }
  }
  await nightshift.stop();
}

export async function noteAborts(addresses: Addresses, wire: Wire): Promise<void> {
  const waiting = benchJob({
    durability: "ledger",
    concurrency: running,
    async handle(_payload, { signal }) {
      wire.say("begun");
      await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
      wire.say(now());
      signal.throwIfAborted();
    },
  });
  const nightshift = startNightshift({ ...addresses, jobs: [waiting], process: "worker" });
  await nightshift.start();
  const host = await startWorker(nightshift);
  wire.say("ready");
  await wire.heard();
  await host.stop(1_000);
  await nightshift.stop();
}
