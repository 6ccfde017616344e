import { createRequire } from "node:module";
import { buffer } from "node:stream/consumers";
import PDFDocument from "pdfkit";
import { ThreadPool } from "../../src/worker/thread.ts";
import { invoiceOf } from "./invoice.ts";
import { perSecond } from "./job.ts";
import type { Measure, Row } from "./measure.ts";
import { quantile, ratio, spread } from "./spread.ts";
import type { Way } from "./stage.ts";

const renderThread = new URL("../../jobs/documents/render.thread.ts", import.meta.url);
const noto = createRequire(import.meta.url).resolve("@expo-google-fonts/noto-sans/400Regular/NotoSans_400Regular.ttf");
const never = new AbortController().signal;
const lines = 12;

/** The render step of `documents.generate`, as a worker runs it: in threads with warm fonts. */
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
    ];
    const rates = await stage.sampleAll<number>(this.name, ways);
    const long = await stage.sampleAll<number>("long", [{ name: "long", module, call: "renderLong", args: {} }]);
    const of = (name: string) => rates.get(name)!;
    const row = (what: string, ours: string, theirs: string, name: string, more: Pick<Row, "target"> = {}): Row => ({
      what,
      unit: "documents/s",
      value: spread(of(ours)),
      reference: { name, value: spread(of(theirs)) },
      ratio: ratio(of(ours), of(theirs)),
      ...more,
    });
    return [
      row("12 lines, two threads", "two", "one", "one thread", { target: { of: "ratio", least: 1.4 } }),
      row("12 lines, one thread", "one", "plain", "pdfkit's table in a loop", { target: { of: "value", least: 60 } }),
      { what: "1,000 lines", unit: "ms", value: spread(long.get("long")!), target: { of: "value", most: 1_000 } },
    ];
  },
};

export async function renderInThreads({ threads, count }: { threads: number; count: number }): Promise<number> {
  const pool = new ThreadPool({ threads, warm: [renderThread] });
  let number = 0;
  const one = () => pool.run(renderThread, invoiceOf(lines, ++number), never);
  await perSecond(threads * 30, threads * 2, one); // as many as the compiler needs
  const rate = await perSecond(count, threads * 2, one);
  await pool.stop();
  return rate;
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

/** The same rows with what pdfkit has for it: its table and one embedded font, in a loop of one process. */
export async function renderPlain({ count }: { count: number }): Promise<number> {
  let number = 0;
  const one = async () => {
    const { userInputs } = invoiceOf(lines, ++number);
    const pdf = new PDFDocument({ size: "A4", margin: 40 });
    const bytes = buffer(pdf);
    pdf.font(noto).fontSize(16).text("TAX INVOICE").fontSize(9);
    pdf.text(`${userInputs.invoiceNumber}  ${userInputs.issuedOn}`);
    pdf.text(`${userInputs.supplier.name}\n${userInputs.recipient.name}`).moveDown();
    pdf.table({
      data: [
        ["#", "Description", "HSN/SAC", "Qty", "Unit", "Rate", "GST %"],
        ...userInputs.lines.map((line, index) => [
          String(index + 1),
          line.description,
          line.hsnSac,
          line.quantity,
          line.unit,
          `₹${(line.unitPricePaise / 100).toFixed(2)}`,
          `${line.gstRatePercent}%`,
        ]),
      ],
    });
    pdf.end();
    await bytes;
  };
  await perSecond(30, 1, one);
  return perSecond(count, 1, one);
}
