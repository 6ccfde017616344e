import { ThreadPool } from "../../src/worker/thread.ts";
import { invoiceOf } from "./invoice.ts";
import { costOf } from "./job.ts";
import { compare, type Measure } from "./measure.ts";
import { drawPlainInvoice } from "./plain-invoice.ts";
import { quantile, spread } from "./spread.ts";
import type { Way } from "./stage.ts";

export const renderThread = new URL("../../jobs/documents/render.thread.ts", import.meta.url);
const never = new AbortController().signal;
const lines = 12;
const warmUp = 60; // documents per thread, as many as the compiler needs

/** The render step of `documents.generate` as a worker runs it (as many at once as threads), against pdfkit in a loop. */
export const render: Measure = {
  name: "render",
  title: "Render tax invoices",
  async run(stage) {
    const module = import.meta.url;
    const count = stage.jobs(300);
    const ways: Way[] = [
      { name: "plain", module, call: "renderPlain", args: { count } },
      { name: "one", module, call: "renderInThreads", args: { threads: 1, count } },
      { name: "two", module, call: "renderInThreads", args: { threads: 2, count } },
      { name: "long", module, call: "renderLong", args: {} },
    ];
    const samples = await stage.sampleAll<number>(this.name, ways, stage.share(0.6));
    const of = (name: string) => samples.get(name)!;
    const unit = "documents/s";
    return [
      compare({ what: "12 lines, two threads", unit, target: { of: "ratio", least: 1.4 } }, of("two"), {
        name: "one thread",
        values: of("one"),
      }),
      compare({ what: "12 lines, one thread", unit, target: { of: "value", least: 60 } }, of("one"), {
        name: "pdfkit in a loop",
        values: of("plain"),
      }),
      { what: "1,000 lines", unit: "ms", value: spread(of("long")), target: { of: "value", most: 1_000 } },
    ];
  },
};

export async function renderInThreads({ threads, count }: { threads: number; count: number }): Promise<number> {
  const pool = new ThreadPool({ threads, warm: [renderThread] });
  let number = 0;
  const one = () => pool.run(renderThread, invoiceOf(lines, ++number), never);
  await costOf(threads * warmUp, threads, one);
  const { perSecond } = await costOf(count, threads, one);
  await pool.stop();
  return perSecond;
}

/** Milliseconds of one document of 1,000 lines, in a warm thread. */
export async function renderLong(): Promise<number> {
  const pool = new ThreadPool({ threads: 1, warm: [renderThread] });
  const took: number[] = [];
  for (let number = 1; number <= 7; number += 1) {
    const began = performance.now();
    await pool.run(renderThread, invoiceOf(1_000, number), never);
    took.push(performance.now() - began);
  }
  await pool.stop();
  return quantile(took.slice(2), 0.5);
}

export async function renderPlain({ count }: { count: number }): Promise<number> {
  let number = 0;
  const one = () => drawPlainInvoice(invoiceOf(lines, ++number).userInputs);
  await costOf(warmUp, 1, one);
  return (await costOf(count, 1, one)).perSecond;
}
