import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { setTimeout as delay } from "node:timers/promises";
import { ThreadPool } from "../../src/worker/thread.ts";
import { invoiceOf } from "./invoice.ts";
import { costOf } from "./job.ts";
import { serveApi } from "./latency.ts";
import { compare, type Measure, type Row } from "./measure.ts";
import { drawPlainInvoice } from "./plain-invoice.ts";
import type { Wire } from "./remote.ts";
import { renderThread } from "./render.ts";
import { spread } from "./spread.ts";
import type { Addresses, Stage } from "./stage.ts";

const never = new AbortController().signal;
const resolutionMs = 2; // the sampling timer's own interval: part of every value, so taken off
const sampleMs = 4_000;
const drawnPerSecond = 20; // by the plain server: about a third of what one core can draw

/** How late an event loop is, in ms, over some seconds. */
interface Lateness {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

/**
 * How long a request waits for the loop of an API process while a worker process on the same machine renders with two
 * threads as fast as it can; against a server that draws its documents itself, as many are built.
 */
export const eventLoop: Measure = {
  name: "event-loop",
  title: "Event-loop delay of an API process",
  async run(stage) {
    const idle: Lateness[] = [];
    const beside: Lateness[] = [];
    const inside: Lateness[] = [];
    for (let round = 0; round < stage.share(0.6); round += 1) {
      await stage.reset();
      idle.push(await sampleOf(stage, "lateApi"));
      const worker = stage.call({ module: import.meta.url, call: "renderOn", args: {} });
      await worker.heard();
      beside.push(await sampleOf(stage, "lateApi"));
      worker.say("stop");
      await worker.result;
      inside.push(await sampleOf(stage, "latePlainServer"));
      stage.print({ round: round + 1, idle: idle.at(-1), beside: beside.at(-1), inside: inside.at(-1) }, this.name);
    }
    const values = (samples: readonly Lateness[], of: keyof Lateness) => samples.map((sample) => sample[of]);
    const row = (of: keyof Lateness): Row =>
      compare({ what: `while a worker renders, ${of}`, unit: "ms" }, values(beside, of), {
        name: `drawing ${drawnPerSecond} invoices/s itself`,
        values: values(inside, of).map((ms) => Math.max(ms, 0.01)), // a divisor
      });
    const idleRow = (of: keyof Lateness): Row => ({
      what: `idle machine, ${of}`,
      unit: "ms",
      value: spread(values(idle, of)),
    });
    return [row("p50"), row("p99"), row("max"), idleRow("p50"), idleRow("p99"), idleRow("max")];
  },
};

async function sampleOf(stage: Stage, call: "lateApi" | "latePlainServer"): Promise<Lateness> {
  return stage.call<Lateness>({ module: import.meta.url, call, args: {} }).result;
}

/** An API process that is asked for nothing: what delays its loop is the machine. */
export async function lateApi(addresses: Addresses): Promise<Lateness> {
  let lateness: Lateness | undefined;
  await serveApi(addresses, {
    say: () => undefined,
    heard: async <T>() => {
      lateness = await sampleLateness();
      return undefined as T;
    },
  });
  return lateness!;
}

/** A server of the plain kind: it draws each invoice in the request that asks for it. */
export async function latePlainServer(): Promise<Lateness> {
  let number = 0;
  const server = createServer(async (_req, res) => {
    res.end(await drawPlainInvoice(invoiceOf(12, ++number).userInputs));
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const ask = async () => void (await (await fetch(url)).arrayBuffer());
  await costOf(30, 1, ask);
  const asking = setInterval(() => void ask().catch(() => undefined), 1_000 / drawnPerSecond);
  const lateness = await sampleLateness();
  clearInterval(asking);
  server.closeAllConnections();
  server.close();
  return lateness;
}

/** Render as a worker process does, with two threads and no pause, until told to stop. */
export async function renderOn(_args: object, wire: Wire): Promise<void> {
  const pool = new ThreadPool({ threads: 2, warm: [renderThread] });
  let stopped = false;
  let number = 0;
  const one = () => pool.run(renderThread, invoiceOf(12, ++number), never);
  const lane = async () => {
    while (!stopped) await one();
  };
  await costOf(20, 2, one);
  wire.say("rendering");
  const lanes = [lane(), lane()];
  await wire.heard();
  stopped = true;
  await Promise.all(lanes);
  await pool.stop();
}

/** How late this process' loop is over the next seconds. */
async function sampleLateness(): Promise<Lateness> {
  await delay(500); // what starting left to do is not the load's doing
  const histogram = monitorEventLoopDelay({ resolution: resolutionMs });
  histogram.enable();
  await delay(sampleMs);
  histogram.disable();
  const ms = (nanoseconds: number) => Math.max(0, nanoseconds / 1e6 - resolutionMs);
  return { p50: ms(histogram.percentile(50)), p99: ms(histogram.percentile(99)), max: ms(histogram.max) };
}
