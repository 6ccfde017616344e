import { catalog } from "../../src/catalog.ts";
import { askInTurn, unlimited } from "../ai/overhead.ts";
import { FakeProvider } from "../fake-provider/server.ts";
import { compare, type Measure, type Row } from "./measure.ts";
import { startNightshift, startWorker } from "./nightshift.ts";
import type { Wire } from "./remote.ts";
import { quantile, spread } from "./spread.ts";
import type { Addresses, Stage } from "./stage.ts";

/** Milliseconds of each call: by the bare SDK, and as an attempt of the job. */
type Calls = readonly [bare: readonly number[], jobs: readonly number[]];

/** What an attempt of `ai.respond` costs beside the SDK it calls: both ask the same provider, in turn, in one process. */
export const aiOverhead: Measure = {
  name: "ai-overhead",
  title: "One AI call, one at a time",
  async run(stage) {
    const rounds: Calls[] = [];
    for (let round = 0; round < stage.share(0.6); round += 1) {
      await stage.reset();
      rounds.push(await callsOf(stage, stage.jobs(300)));
      const [bare, jobs] = rounds.at(-1)!;
      stage.print({ round: round + 1, bare: quantile(bare, 0.5), job: quantile(jobs, 0.5) }, this.name);
    }
    const at = (side: 0 | 1, q: number) => rounds.map((calls) => quantile(calls[side], q));
    const row = (what: string, q: number): Row =>
      compare({ what: `ai.respond, ${what}`, unit: "ms" }, at(1, q), { name: "bare openai SDK", values: at(0, q) });
    const added = (q: number) =>
      spread(
        rounds.map(([bare, jobs]) =>
          quantile(
            jobs.map((ms, index) => ms - bare[index]!),
            q,
          ),
        ),
      );
    return [
      row("p50", 0.5),
      row("p95", 0.95),
      { what: "what it adds to a call, p50", unit: "ms", value: added(0.5) },
      { what: "what it adds to a call, p95", unit: "ms", value: added(0.95) },
    ];
  },
};

async function callsOf(stage: Stage, calls: number): Promise<Calls> {
  const module = import.meta.url;
  const provider = stage.call({ module, call: "beProvider", args: {} });
  const baseUrl = await provider.heard<string>();
  const result = await stage.call<Calls>({ module, call: "askBoth", args: { calls, baseUrl } }).result;
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

export async function askBoth({ calls, baseUrl, ...addresses }: Addresses & { calls: number; baseUrl: string }) {
  const provider = unlimited(baseUrl);
  const ai = { providers: [provider], dailyMicros: 1_000_000_000_000 };
  const nightshift = startNightshift({ ...addresses, catalog, jobs: [], ai, process: "worker" });
  await nightshift.start();
  const ends: number[] = [];
  const { queue } = catalog.get("ai.respond");
  const host = await startWorker(nightshift, { queues: [queue], onEnd: ({ runMs }) => void ends.push(runMs) });
  const result = await askInTurn(calls, provider, nightshift.producer, ends);
  await host.stop(1_000);
  await nightshift.stop();
  return result;
}
