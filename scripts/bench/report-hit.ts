import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import express from "express";
import { KeyStore } from "../../src/access/keys.ts";
import { serve, untilStopped } from "./api.ts";
import { compare, type Measure, type Row } from "./measure.ts";
import { startNightshift, startWorker, tenant } from "./nightshift.ts";
import type { Read, Reading } from "./readers.ts";
import type { Wire } from "./remote.ts";
import { salesCatalog, salesPath } from "./sales.ts";
import type { Addresses, Stage } from "./stage.ts";

const connections = 20;
const readers = new URL("./readers.ts", import.meta.url).href;

/** What reading cost its readers, and the server. */
interface Sample extends Read {
  readonly cpuMicros: number;
}

/** Read one fresh report again and again, against an Express route that does nothing but send as many bytes. */
export const reportHit: Measure = {
  name: "report-hit",
  title: "Read a report that is there",
  async run(stage) {
    const ours: Sample[] = [];
    const theirs: Sample[] = [];
    for (let round = 0; round < stage.share(0.6); round += 1) {
      await stage.reset();
      const module = import.meta.url;
      const { bodyBytes, key } = await stage.call<Primed>({ module, call: "prime", args: {} }).result;
      const sides = [
        async () => ours.push(await sampleOf(stage, "serveReport", {}, key)),
        async () => theirs.push(await sampleOf(stage, "serveConstant", { bodyBytes }, key)),
      ];
      for (const side of round % 2 === 0 ? sides : sides.toReversed()) await side();
      const [report, constant] = [ours.at(-1)!, theirs.at(-1)!];
      if (report.bodyBytes !== bodyBytes || constant.bodyBytes !== bodyBytes)
        throw new Error(`Expected ${bodyBytes} bytes from both, found ${report.bodyBytes} and ${constant.bodyBytes}`);
      stage.print({ round: round + 1, report, constant }, this.name);
    }
    const size = `${(ours[0]!.bodyBytes / 1_000).toFixed(1)} kB`;
    const row = (what: string, unit: string, of: keyof Sample): Row => {
      const values = (samples: readonly Sample[]) => samples.map((sample) => sample[of]);
      const reference = { name: "Express, a constant", values: values(theirs) };
      return compare({ what: `${size}, ${connections} connections${what}`, unit }, values(ours), reference);
    };
    return [
      row("", "requests/s", "perSecond"),
      row(": processor time of the server", "µs/request", "cpuMicros"),
      row(", p50", "ms", "p50"),
      row(", p99", "ms", "p99"),
    ];
  },
};

/** A server and its readers, each in a process of its own. */
async function sampleOf(stage: Stage, call: string, args: object, key: string): Promise<Sample> {
  const server = stage.call({ module: import.meta.url, call, args });
  const url = (await server.heard<string>()) + salesPath;
  const headers = { authorization: `Bearer ${key}`, accept: "application/json", "accept-encoding": "gzip" };
  const reading: Reading = { urls: [url], headers };
  const counts = { connections, warmUp: stage.jobs(6_000), count: stage.jobs(12_000) };
  const reader = stage.call<Read>({ module: readers, call: "readAgain", args: { ...reading, ...counts } });
  await reader.heard();
  server.say("measure");
  await server.heard();
  reader.say("begin");
  const read = await reader.result;
  server.say(counts.count);
  const cpuMicros = await server.heard<number>();
  server.say("stop");
  await server.result;
  return { ...read, cpuMicros };
}

interface Primed {
  /** Of the report as it is kept, which is how it is sent. */
  readonly bodyBytes: number;
  readonly key: string;
}

/** Have the report computed as a worker does it, and make a key to read it with. */
export async function prime(addresses: Addresses): Promise<Primed> {
  const catalog = salesCatalog();
  const nightshift = startNightshift({ ...addresses, catalog, jobs: [], process: "worker" });
  await nightshift.start();
  const { promise: ended, resolve } = Promise.withResolvers<void>();
  const host = await startWorker(nightshift, { onEnd: () => resolve() });
  await nightshift.producer.enqueue(tenant, catalog.jobs[0]!, { report: "sales", params: {} });
  await ended;
  await host.stop(1_000);
  const { rows } = await nightshift.database.executeSql(
    `select length(body)::int as bytes from ${nightshift.database.schema}.report_results`,
  );
  const keys = new KeyStore(nightshift.database, undefined);
  const { key } = await keys.create({ name: "bench", tenant, role: "viewer" });
  await nightshift.stop();
  return { bodyBytes: rows[0]!.bytes as number, key };
}

export async function serveReport(addresses: Addresses, wire: Wire): Promise<void> {
  await serve(startNightshift({ ...addresses, catalog: salesCatalog(), jobs: [], process: "api" }), wire);
}

/** As little as Express can do: no key, no log, no hash of the answer. */
export async function serveConstant({ bodyBytes }: { readonly bodyBytes: number }, wire: Wire): Promise<void> {
  const app = express();
  app.disable("x-powered-by");
  app.disable("etag");
  const body = Buffer.alloc(bodyBytes, "x");
  app.get(salesPath, (_req, res) => {
    res.type("application/json").send(body);
  });
  const server = createServer(app);
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  wire.say(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  await untilStopped(wire);
  server.closeAllConnections();
  server.close();
}
