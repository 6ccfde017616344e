import { KeyStore } from "../../src/access/keys.ts";
import { serve } from "./api.ts";
import { now } from "./clock.ts";
import type { Measure } from "./measure.ts";
import { startNightshift, startWorker, tenant } from "./nightshift.ts";
import type { Wire } from "./remote.ts";
import { salesCatalog, salesPath, salesReport } from "./sales.ts";
import { spread } from "./spread.ts";
import type { Addresses, Stage } from "./stage.ts";

const readersModule = new URL("./readers.ts", import.meta.url).href;
/** How long the readers may take to arrive, so that a lost one is told of instead of waited for. */
const arrivalMs = 60_000;

interface Herd {
  readonly computations: number;
  /** From the end of the computation to the last answer. */
  readonly answeredMs: number;
}

/** A thousand readers of a report that was never computed, at two API processes. It is held until all of them are there. */
export const reportCold: Measure = {
  name: "report-cold",
  title: "1,000 readers at once of a report that is not there, two API processes",
  async run(stage) {
    const herds: Herd[] = [];
    for (let round = 0; round < stage.share(0.6); round += 1) {
      await stage.reset();
      herds.push(await herdOf(stage, stage.jobs(1_000)));
      stage.print({ round: round + 1, ...herds.at(-1) }, this.name);
    }
    return [
      {
        what: "how often it is computed",
        unit: "times",
        value: spread(herds.map(({ computations }) => computations)),
        target: { of: "value", most: 1 },
      },
      {
        what: "from the end of the computation to the last answer",
        unit: "ms",
        value: spread(herds.map(({ answeredMs }) => answeredMs)),
      },
    ];
  },
};

async function herdOf(stage: Stage, readers: number): Promise<Herd> {
  const module = import.meta.url;
  const worker = stage.call<number>({ module, call: "computeHeld", args: { readers } });
  const key = await worker.heard<string>();
  const apis = [0, 1].map(() => stage.call({ module, call: "serveSales", args: {} }));
  const urls = await Promise.all(apis.map(async (api) => `${await api.heard<string>()}${salesPath}?wait=60s`));
  const headers = { authorization: `Bearer ${key}`, accept: "application/json", "accept-encoding": "gzip" };
  const last = stage.call<number>({ module: readersModule, call: "readAtOnce", args: { urls, headers, readers } });
  const [computedAt, answeredAt] = await Promise.all([worker.heard<number>(), last.result]);
  for (const one of [...apis, worker]) one.say("stop");
  const [computations] = await Promise.all([worker.result, ...apis.map((api) => api.result)]);
  return { computations, answeredMs: answeredAt - computedAt };
}

export async function serveSales(addresses: Addresses, wire: Wire): Promise<void> {
  await serve(startNightshift({ ...addresses, catalog: salesCatalog(), jobs: [], process: "api" }), wire);
}

/** A worker whose computation ends when that many readers wait for it. Says when it ended; answers how many there were. */
export async function computeHeld({ readers, ...addresses }: Addresses & { readers: number }, wire: Wire) {
  let computations = 0;
  const hold = async () => {
    computations += 1;
    const until = now() + arrivalMs;
    while ((await readsSoFar()) < readers) {
      if (now() > until) throw new Error(`Expected ${readers} readers within ${arrivalMs} ms, found fewer`);
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
    wire.say(now());
  };
  const catalog = salesCatalog(salesReport(hold));
  const nightshift = startNightshift({ ...addresses, catalog, jobs: [], process: "worker" });
  /** As the planner of reports counts them: the count is told to Redis once a second, and fades by half a day. */
  const readsSoFar = async () => Math.round((await nightshift.reports.planner.plan(0)).items[0]?.hits ?? 0);
  await nightshift.start();
  const host = await startWorker(nightshift);
  const keys = new KeyStore(nightshift.database, undefined);
  wire.say((await keys.create({ name: "bench", tenant, role: "viewer" })).key);
  await wire.heard();
  await host.stop(1_000);
  await nightshift.stop();
  return computations;
}
