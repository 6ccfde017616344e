import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { create } from "fontkit";
import { test } from "vitest";
import { run } from "#jobs/documents/render.thread.ts";
import { findTemplate, templates } from "#jobs/documents/template-list.ts";
import { certificateOf } from "#jobs/documents/templates/compliance-certificate/fixtures.ts";
import { invoiceOf } from "#jobs/documents/templates/tax-invoice/fixtures.ts";
import { ThreadPool } from "../../src/worker/thread.ts";
import { openPdf } from "./pdf.ts";

const notoSans = "@expo-google-fonts/noto-sans/400Regular/NotoSans_400Regular.ttf";

const example = {
  templateId: "tax-invoice",
  userInputs: (await findTemplate("tax-invoice")!.fixtures()).fixtures[0]!.userInputs,
};

for (const { id } of templates) {
  for (const { name, locale, userInputs, expected } of (await findTemplate(id)!.fixtures()).fixtures) {
    if (expected.outcome === "refused") continue;
    test(`${id}, ${name}: opens, says what it should and numbers its pages`, async () => {
      const rendered = await run({ templateId: id, userInputs, locale });
      const pdf = await openPdf(rendered.bytes);
      assert.match(pdf.check, /No syntax or stream encoding errors found/);
      assert.equal(Number(pdf.info.Pages), rendered.pageCount);
      if (expected.pageCount) assert.equal(rendered.pageCount, expected.pageCount);
      for (const text of expected.text)
        assert.ok(
          pdf.pages.some((page) => page.includes(text)),
          text,
        );
      for (const [index, page] of pdf.pages.entries()) {
        assert.ok(page.includes(`Page ${index + 1} of ${rendered.pageCount}`), `page ${index + 1} has no number`);
      }
    });
  }
}

test("a thousand lines: every one is there once and in order, under a header on each page", async () => {
  const { pages } = await openPdf((await run({ templateId: "tax-invoice", userInputs: invoiceOf(1_000) })).bytes);
  const batches = pages.flatMap((page) => [...page.matchAll(/batch (\d+)/g)].map(([, number]) => Number(number)));
  assert.deepEqual(
    batches,
    Array.from({ length: 1_000 }, (_, index) => 1_000 + index),
  );
  for (const page of pages) assert.match(page, /# +Description +HSN\/SAC/);
});

test("a description longer than a page loses nothing", async () => {
  const [first, second] = invoiceOf(2).lines;
  const description = Array.from({ length: 1_100 }, (_, index) => `w${index}`)
    .join(" ")
    .slice(0, 5_000);
  const userInputs = { ...invoiceOf(2), lines: [{ ...first!, description }, second!] };
  const { pages } = await openPdf((await run({ templateId: "tax-invoice", userInputs })).bytes);
  const words = pages.join("\n").match(/\bw\d+\b/g);
  assert.ok(pages.length > 1);
  assert.deepEqual(words, description.split(" "));
});

test("the metadata names the document, its language and its day, not the clock's", async () => {
  const { info } = await openPdf((await run(example)).bytes);
  assert.equal(info.Title, "Tax invoice INV/2026-27/0042");
  assert.equal(info.Producer, "Nightshift");
  assert.match(info.CreationDate ?? "", /Nov +5 .*2026/);
});

test("the same input gives the same bytes, whatever was drawn before", async () => {
  const before = await run(example);
  const userInputs = { ...certificateOf(1), companyName: "ç é ﬁ\u00A0\u00B5 a\u0301 कंपनी" };
  await run({ templateId: "compliance-certificate", userInputs, locale: "hi-IN" });
  const after = await run(example);
  assert.deepEqual(Buffer.from(after.bytes), Buffer.from(before.bytes));
});

test("a thread of the worker gives those bytes too, and tells a permanent error from a passing one", async () => {
  const pool = new ThreadPool({ threads: 1 });
  try {
    const module = new URL("../../jobs/documents/render.thread.ts", import.meta.url);
    const { signal } = new AbortController();
    const answer = (await pool.run(module, example, signal)) as Awaited<ReturnType<typeof run>>;
    assert.deepEqual(Buffer.from(answer.bytes), Buffer.from((await run(example)).bytes));
    const broken = { templateId: "compliance-certificate", userInputs: { ...certificateOf(1), companyName: "🎉" } };
    await assert.rejects(pool.run(module, broken, signal), { code: "glyph_missing", permanent: true });
  } finally {
    await pool.stop();
  }
});

/**
 * Against parsing fonts per document or per cell (facts/domain.md, finding 3: 60 times the cost) and against lost caches. In
 * CPU time, and in units of what it costs to parse one font and shape its first words, so that neither a slow machine nor
 * other work on it decides. 2026-11-20: a font costs 35 ms, 12 lines 0.2 of it, 1,000 lines 4. Parsed per document 12 lines
 * would be above 2, without remembered words 1,000 lines above 50. Times as measured are in docs/documents.md.
 */
test("warm, an invoice of 12 lines costs less than parsing one font, and one of 1,000 lines less than twenty", async () => {
  const cpuMs = async (times: number, work: () => unknown) => {
    const start = process.cpuUsage();
    for (let count = 0; count < times; count++) await work();
    const { user, system } = process.cpuUsage(start);
    return (user + system) / 1_000 / times;
  };
  const invoice = (lines: number) => () => run({ templateId: "tax-invoice", userInputs: invoiceOf(lines) });
  const bytes = readFileSync(new URL(import.meta.resolve(notoSans)));
  const parse = () => create(bytes).layout("Warm ₹ fi");
  await cpuMs(20, invoice(12));
  const font = await cpuMs(10, parse);
  const inFonts = async (times: number, lines: number) => (await cpuMs(times, invoice(lines))) / font;
  const [small, large] = [await inFonts(50, 12), await inFonts(2, 1_000)];
  assert.ok(small < 1, `12 lines cost as much as parsing ${small.toFixed(2)} fonts`);
  assert.ok(large < 20, `1,000 lines cost as much as parsing ${large.toFixed(1)} fonts`);
});
