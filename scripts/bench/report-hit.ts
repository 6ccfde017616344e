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
/** Of the report: as many questions as connections. */
const years = Array.from({ length: connections }, (_, index) => 2026 - index);
const readers = new URL("./readers.ts", import.meta.url).href;

/** What reading cost its readers, and the server. */
interface Sample extends Read {
  readonly cpuMicros: number;
}

/** Read fresh reports again and again, against an Express route that does nothing but send as many bytes. */
export const reportHit: Measure = {
  name: "report-hit",
  title: "Read a report that is there",
  async run(stage) {
    const samples = { one: [] as Sample[], each: [] as Sample[], constant: [] as Sample[] };
    for (let round = 0; round < stage.share(0.6); round += 1) {
      await stage.reset();
      const module = import.meta.url;
      const { bodyBytes, key } = await stage.call<Primed>({ module, call: "prime", args: {} }).result;
      const sides = [
        async () => samples.one.push(await sampleOf(stage, "serveReport", {}, key, 1)),
        async () => samples.constant.push(await sampleOf(stage, "serveConstant", { bodyBytes }, key, 1)),
        async () => samples.each.push(await sampleOf(stage, "serveReport", {}, key, connections)),
      ];
      for (const side of round % 2 === 0 ? sides : sides.toReversed()) await side();
      const [one, each, constant] = [samples.one.at(-1)!, samples.each.at(-1)!, samples.constant.at(-1)!];
      if (one.bodyBytes !== bodyBytes || constant.bodyBytes !== bodyBytes)
        throw new Error(`Expected ${bodyBytes} bytes from both, found ${one.bodyBytes} and ${constant.bodyBytes}`);
      stage.print({ round: round + 1, one, each, constant }, this.name);
    }
    const size = `${(samples.one[0]!.bodyBytes / 1_000).toFixed(1)} kB`;
    const row = (ours: "one" | "each", what: string, unit: string, of: keyof Sample): Row => {
      const values = (side: keyof typeof samples) => samples[side].map((sample) => sample[of]);
      const reference = { name: "Express, a constant", values: values("constant") };
      const asked = ours === "one" ? "all ask the same" : "each its own question";
      return compare({ what: `${size}, ${connections} connections, ${asked}${what}`, unit }, values(ours), reference);
    };
    return (["one", "each"] as const).flatMap((ours) => [
      row(ours, "", "requests/s", "perSecond"),
      row(ours, ": processor time of the server", "µs/request", "cpuMicros"),
      row(ours, ", p50", "ms", "p50"),
      row(ours, ", p99", "ms", "p99"),
    ]);
  },
};

/** A server and its readers, each in a process of its own. */
async function sampleOf(stage: Stage, call: string, args: object, key: string, questions: number): Promise<Sample> {
  const server = stage.call({ module: import.meta.url, call, args });
  const base = (await server.heard<string>()) + salesPath;
  const reading: Reading = {
    urls: years.slice(0, questions).map((year) => `${base}?year=${year}`),
    headers: { authorization: `Bearer ${key}`, accept: "application/json", "accept-encoding": "gzip" },
  };
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
  /** Of the first question's report as it is kept, which is how it is sent. */
  readonly bodyBytes: number;
  readonly key: string;
}

/** Have the reports computed as a worker does it, and make a key to read it with. */
export async function prime(addresses: Addresses): Promise<Primed> {
  const catalog = salesCatalog();
  const nightshift = startNightshift({ ...addresses, catalog, jobs: [], process: "worker" });
  await nightshift.start();
  const { promise: done, resolve } = Promise.withResolvers<void>();
  let ended = 0;
  const host = await startWorker(nightshift, { onEnd: () => void (++ended === years.length && resolve()) });
  const job = catalog.jobs[0]!;
  const entries = years.map((year) => ({ job, payload: { report: "sales", params: { year } } }));
  await nightshift.producer.enqueueMany(tenant, entries);
  await done;
  await host.stop(1_000);
  const { rows } = await nightshift.database.executeSql(
    `select length(body)::int as bytes from ${nightshift.database.schema}.report_results where params ->> 'year' = $1`,
    [String(years[0])],
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
