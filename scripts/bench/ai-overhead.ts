import { catalog } from "../../src/catalog.ts";
import { askInTurn, unlimited } from "../ai/overhead.ts";
import { FakeProvider } from "../fake-provider/server.ts";
import { compare, type Measure, type Row } from "./measure.ts";
import { notWaitingForDisk, startNightshift, startWorker } from "./nightshift.ts";
import type { Wire } from "./remote.ts";
import { quantile, spread } from "./spread.ts";
import type { Addresses, Stage } from "./stage.ts";

/** Milliseconds of each call: by the bare SDK, and as an attempt of the job. */
type Calls = readonly [bare: readonly number[], jobs: readonly number[]];

/** What an attempt of `ai.respond` costs beside the SDK it calls: both ask the same provider, in turn, in one process. */
export const aiOverhead: Measure = {
  name: "ai-overhead",
  title: "One AI call at a time",
  async run(stage) {
    const synced: Calls[] = [];
    const unsynced: Calls[] = [];
    for (let round = 0; round < stage.share(0.6); round += 1) {
      for (const sync of round % 2 === 0 ? [true, false] : [false, true]) {
        await stage.reset();
        const [bare, jobs] = await callsOf(stage, stage.jobs(200), sync);
        (sync ? synced : unsynced).push([bare, jobs]);
        stage.print({ round: round + 1, sync, bare: quantile(bare, 0.5), job: quantile(jobs, 0.5) }, this.name);
      }
    }
    const at = (side: 0 | 1, q: number) => synced.map((calls) => quantile(calls[side], q));
    const row = (what: string, q: number): Row =>
      compare({ what: `an attempt of ai.respond, ${what}`, unit: "ms" }, at(1, q), {
        name: "bare openai SDK",
        values: at(0, q),
      });
    const added = (rounds: readonly Calls[], what: string, q: number): Row => ({
      what: `what it adds to the call, ${what}`,
      unit: "ms",
      value: spread(rounds.map(([bare, jobs]) => quantile(jobs, q) - quantile(bare, q))),
    });
    return [
      row("p50", 0.5),
      row("p95", 0.95),
      added(synced, "p50", 0.5),
      added(unsynced, "p50, commits that do not wait for the disk", 0.5),
      added(unsynced, "p95, the same", 0.95),
    ];
  },
};

async function callsOf(stage: Stage, calls: number, sync: boolean): Promise<Calls> {
  const module = import.meta.url;
  const provider = stage.call({ module, call: "beProvider", args: {} });
  const baseUrl = await provider.heard<string>();
  const result = await stage.call<Calls>({ module, call: "askBoth", args: { calls, baseUrl, sync } }).result;
  provider.say("stop");
  await provider.result;
  return result;
}

export async function beProvider(_args: object, wire: Wire): Promise<void> {
  await using provider = new FakeProvider();
  await provider.start();
  wire.say(provider.url());
  await wire.heard();
}

export async function askBoth({
  calls,
  baseUrl,
  sync,
  ...addresses
}: Addresses & { readonly calls: number; readonly baseUrl: string; readonly sync: boolean }): Promise<Calls> {
  const provider = unlimited(baseUrl);
  const nightshift = startNightshift({
    ...addresses,
    databaseUrl: sync ? addresses.databaseUrl : notWaitingForDisk(addresses.databaseUrl),
    ai: { providers: [provider], dailyMicros: 1_000_000_000_000 },
    catalog,
    jobs: [],
    process: "worker",
  });
  await nightshift.start();
  const ends: number[] = [];
  const host = await startWorker(nightshift, {
    queues: [catalog.get("ai.respond").queue],
    onEnd: ({ runMs }) => void ends.push(runMs),
  });
  const result = await askInTurn(calls, provider, nightshift.producer, ends);
  await host.stop(1_000);
  await nightshift.stop();
  return result;
}
