import { minutes, seconds } from "#core/duration.ts";
import { catalog } from "../../src/catalog.ts";
import { unlimited } from "../ai/overhead.ts";
import { FakeProvider } from "../fake-provider/server.ts";
import type { Measure } from "./measure.ts";
import { startNightshift, startWorker, tenant } from "./nightshift.ts";
import type { Wire } from "./remote.ts";
import { spread } from "./spread.ts";
import type { Addresses, Stage } from "./stage.ts";

const windows = 2;
const mount = "limited";

/** A limit of so many requests in any stretch of `windowMs`. */
interface Limit {
  readonly requests: number;
  readonly windowMs: number;
}

/** What came of some windows of the limit, by the provider's own books. */
interface Use {
  /** Of all requests that the limit allowed, in per cent. */
  readonly used: number;
  /** How many the provider answered with 429. */
  readonly refused: number;
}

/** Two workers with more to ask than a provider takes. A minute is turned six times faster, unless whole ones are asked for. */
export const aiLimit: Measure = {
  name: "ai-limit",
  title: "Use of a provider's limit of requests, two workers",
  async run(stage) {
    const requests = stage.jobs(60);
    const perRequestMs = stage.wholeMinutes ? seconds(1) : seconds(1) / 6;
    const limit = { requests, windowMs: Math.round(requests * perRequestMs) };
    const uses: Use[] = [];
    for (let round = 0; round < stage.share(0.2); round += 1) {
      await stage.reset();
      uses.push(await useOf(stage, limit));
      stage.print({ round: round + 1, ...limit, ...uses.at(-1) }, this.name);
    }
    const of = `${requests} requests per ${limit.windowMs / 1_000} s, ${windows} windows`;
    return [
      {
        what: `${of}: used`,
        unit: "%",
        value: spread(uses.map(({ used }) => used)),
        target: { of: "value", least: 95 },
      },
      { what: `${of}: refused by the provider`, unit: "requests", value: spread(uses.map(({ refused }) => refused)) },
    ];
  },
};

async function useOf(stage: Stage, limit: Limit): Promise<Use> {
  const module = import.meta.url;
  const ceilingMs = limit.windowMs * (windows + 1) + minutes(2);
  const provider = stage.call<Use>({ module, call: "beLimited", args: limit, ceilingMs });
  const baseUrl = await provider.heard<string>();
  const args = { ...limit, baseUrl };
  const workers = [0, 1].map(() => stage.call({ module, call: "askWithin", args, ceilingMs }));
  await Promise.all(workers.map((worker) => worker.heard()));
  await stage.call({ module, call: "enqueueQuestions", args }).result;
  const use = await provider.result;
  for (const worker of workers) worker.say("stop");
  await Promise.all(workers.map((worker) => worker.result));
  return use;
}

/** A provider that keeps the limit; answers when the windows are over. */
export async function beLimited({ requests, windowMs }: Limit, wire: Wire): Promise<Use> {
  const { promise: over, resolve } = Promise.withResolvers<void>();
  await using provider = new FakeProvider({
    limits: { [mount]: { requests, tokens: 1_000_000_000, windowMs } },
    onCall: () => {
      if (provider.bill.totals().calls > requests * windows) resolve();
    },
  });
  await provider.start();
  wire.say(provider.url(mount));
  await over;
  const at = provider.bill.lines.map((line) => Date.parse(line.at));
  const tookMs = at[requests * windows]! - at[0]!; // the first request of the window after the last
  return {
    used: (100 * windows * windowMs) / tookMs,
    refused: provider.calls.length - provider.bill.totals().calls,
  };
}

/** A worker that was told of the limit. */
export async function askWithin(
  { requests, windowMs, baseUrl, ...addresses }: Addresses & Limit & { baseUrl: string },
  wire: Wire,
) {
  const provider = { ...unlimited(baseUrl), limits: { requests, tokens: 1_000_000_000 } };
  const ai = { providers: [provider], dailyMicros: null, windowMs };
  const nightshift = startNightshift({ ...addresses, catalog, jobs: [], ai, process: "worker" });
  await nightshift.start();
  const host = await startWorker(nightshift, { queues: [catalog.get("ai.respond").queue] });
  wire.say("ready");
  await wire.heard();
  await host.stop(1_000);
  await nightshift.stop();
}

/** More questions than the windows have room for. */
export async function enqueueQuestions({ requests, ...addresses }: Addresses & Limit): Promise<void> {
  const nightshift = startNightshift({ ...addresses, catalog, jobs: [], process: "api" });
  await nightshift.start();
  const job = catalog.get("ai.respond");
  const questions = Array.from({ length: requests * (windows + 1) }, (_, n) => ({ message: `Question ${n}` }));
  await nightshift.producer.enqueueMany(
    tenant,
    questions.map((payload) => ({ job, payload })),
  );
  await nightshift.stop();
}
