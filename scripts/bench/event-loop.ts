import { monitorEventLoopDelay } from "node:perf_hooks";
import { ThreadPool } from "../../src/worker/thread.ts";
import { invoiceOf } from "./invoice.ts";
import { perSecond } from "./job.ts";
import { serveApi } from "./latency.ts";
import type { Measure, Row } from "./measure.ts";
import type { Wire } from "./remote.ts";
import { ratio, spread } from "./spread.ts";
import type { Addresses, Stage } from "./stage.ts";

const renderThread = new URL("../../jobs/documents/render.thread.ts", import.meta.url);
const never = new AbortController().signal;
const resolutionMs = 5; // the sampling timer's own interval: part of every value, so taken off
const samplesMs = 3_000;

/** How late an API process' event loop is, in ms, over some seconds. */
interface Lateness {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

/** An API process beside a worker that renders with two threads as fast as it can: does rendering hold up requests? */
export const eventLoop: Measure = {
  name: "event-loop",
  title: "Event-loop delay of an API process",
  async run(stage) {
    const idle: Lateness[] = [];
    const busy: Lateness[] = [];
    for (let round = 0; round < stage.rounds; round += 1) {
      idle.push(await latenessOf(stage));
      const worker = stage.call({ module: import.meta.url, call: "renderOn", args: {} });
      await worker.heard();
      busy.push(await latenessOf(stage));
      worker.say("stop");
      await worker.result;
    }
    const row = (of: keyof Lateness): Row => {
      const values = (rounds: readonly Lateness[]) => rounds.map((round) => round[of]);
      return {
        what: `while a worker renders, ${of}`,
        unit: "ms",
        value: spread(values(busy)),
        reference: { name: "an idle machine", value: spread(values(idle)) },
        ratio: ratio(
          values(busy),
          values(idle).map((value) => Math.max(value, 0.01)),
        ),
      };
    };
    return [row("p50"), row("p99"), row("max")];
  },
};

async function latenessOf(stage: Stage): Promise<Lateness> {
  return stage.call<Lateness>({ module: import.meta.url, call: "lateApi", args: {} }).result;
}

/** An API process that is asked nothing: what delays its loop is the machine. */
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

export async function renderOn(_args: object, wire: Wire): Promise<void> {
  const pool = new ThreadPool({ threads: 2, warm: [renderThread] });
  let stopped = false;
  void wire.heard().then(() => {
    stopped = true;
  });
  let number = 0;
  const lane = async () => {
    while (!stopped) await pool.run(renderThread, invoiceOf(12, ++number), never);
  };
  await perSecond(20, 4, () => pool.run(renderThread, invoiceOf(12, ++number), never));
  wire.say("rendering");
  await Promise.all([lane(), lane(), lane(), lane()]);
  await pool.stop();
}

/** How late this process' loop is over the next seconds. */
async function sampleLateness(): Promise<Lateness> {
  const histogram = monitorEventLoopDelay({ resolution: resolutionMs });
  histogram.enable();
  await new Promise((resolve) => setTimeout(resolve, samplesMs));
  histogram.disable();
  const ms = (nanoseconds: number) => Math.max(0, nanoseconds / 1e6 - resolutionMs);
  return { p50: ms(histogram.percentile(50)), p99: ms(histogram.percentile(99)), max: ms(histogram.max) };
}
