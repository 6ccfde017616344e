import { formatRupees, rupeesInWords } from "../../rupees.ts";
import { ink, Sheet, type Style } from "../../sheet.ts";
import type { Labels } from "./labels.ts";
import type { InvoiceTax, Tax } from "./tax.ts";

/** What follows the lines: tax by rate on the left, the sum on the right, the grand total in words below. */

const small: Style = { size: 7.5 };
const heading: Style = { size: 7.5, weight: "bold", color: ink.accent };
const body: Style = { size: 8.5 };
const grand: Style = { size: 11, weight: "bold", color: ink.accent };
const caption: Style = { size: 7.5, color: ink.muted };
const smallRow = Sheet.lineHeight(small.size) + 5;
const bodyRow = Sheet.lineHeight(body.size) + 4;
const grandRow = Sheet.lineHeight(grand.size) + 10;
const sumWidth = 220;
const gutter = 24;

/** Height of the block, so that the caller can keep it on one page. */
export function totalsHeight(sheet: Sheet, totals: InvoiceTax): number {
  const sides = [(totals.byRate.length + 2) * smallRow, sumRows(totals, "").length * bodyRow + grandRow];
  const words = sheet.wrap(rupeesInWords(totals.grandTotal), sheet.width, body).length * bodyRow;
  return Math.max(...sides) + 30 + words;
}

export function drawTotals(sheet: Sheet, totals: InvoiceTax, labels: Labels, levy: string): void {
  const top = sheet.y;
  const rateEnd = drawByRate(sheet, top, totals, labels, levy);
  const sumEnd = drawSum(sheet, top, totals, labels, levy);
  sheet.y = Math.max(rateEnd, sumEnd) + 12;
  sheet.text(labels.inWords, sheet.left, sheet.y, caption);
  sheet.y += Sheet.lineHeight(caption.size);
  const words = rupeesInWords(totals.grandTotal);
  sheet.y = sheet.paragraph(words, sheet.left, sheet.y, sheet.width, { ...body, weight: "bold" });
}

function drawByRate(sheet: Sheet, top: number, totals: InvoiceTax, labels: Labels, levy: string): number {
  const width = Math.min(sheet.width - sumWidth - gutter, 360);
  const taxColumns: ReadonlyArray<readonly [string, keyof Tax]> = totals.isInterState
    ? [["IGST", "igst"]]
    : [["CGST", "cgst"], [levy, "sgst"]]; // biome-ignore format: one pair per column
  const rights = [0.38, ...taxColumns.map((_, index) => 0.38 + (0.62 / taxColumns.length) * (index + 1))];
  const row = (y: number, cells: readonly string[], style: Style) => {
    const [first = "", ...amounts] = cells;
    sheet.text(first, sheet.left, y + 2.5, style);
    for (const [index, cell] of amounts.entries()) {
      sheet.text(cell, sheet.left + width * rights[index]!, y + 2.5, style, "right");
    }
    sheet.rule(sheet.left, sheet.left + width, y + smallRow);
    return y + smallRow;
  };
  sheet.text(labels.byRate, sheet.left, top + 2.5, heading);
  let y = row(top + smallRow, [labels.ratePercent, oneLine(labels.taxable), ...taxColumns.map(([name]) => name)], caption);
  for (const { ratePercent, taxable, tax } of totals.byRate) {
    const shares = taxColumns.map(([, key]) => formatRupees(tax[key]));
    y = row(y, [`${ratePercent}%`, formatRupees(taxable), ...shares], small);
  }
  return y;
}

function drawSum(sheet: Sheet, top: number, totals: InvoiceTax, labels: Labels, levy: string): number {
  const left = sheet.right - sumWidth;
  let y = top;
  for (const [label, amount] of sumRows(totals, levy, labels)) {
    sheet.text(label, left + 8, y + 2, body);
    sheet.text(formatRupees(amount), sheet.right - 8, y + 2, body, "right");
    y += bodyRow;
  }
  y += 2;
  sheet.band(left, y, sumWidth, grandRow);
  sheet.text(labels.grandTotal, left + 8, y + 5, { ...grand, size: 10 });
  sheet.text(formatRupees(totals.grandTotal), sheet.right - 8, y + 4.5, grand, "right");
  return y + grandRow;
}

function sumRows(totals: InvoiceTax, levy: string, labels?: Labels): ReadonlyArray<readonly [string, number]> {
  const { tax } = totals;
  return [
    [oneLine(labels?.taxable ?? ""), totals.taxable],
    ...(totals.isInterState
      ? ([["IGST", tax.igst]] as const)
      : ([
          ["CGST", tax.cgst],
          [levy, tax.sgst],
        ] as const)),
    [labels?.total ?? "", totals.total],
    [labels?.roundOff ?? "", totals.roundOff],
  ];
}

/** A column's two-line label beside a number. */
function oneLine(label: string): string {
  return label.replace("\n", " · ");
}
