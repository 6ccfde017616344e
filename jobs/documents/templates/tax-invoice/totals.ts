import { formatRupees } from "../../rupees.ts";
import { ink, Sheet, type Style } from "../../sheet.ts";
import type { Labels } from "./labels.ts";
import type { InvoiceTax, Tax } from "./tax.ts";

/** What the lines add up to: tax by rate, for the left of the page, and the sum down to the grand total, for the right. */

const small: Style = { size: 7.5 };
const heading: Style = { size: 7.5, weight: "bold", color: ink.accent };
const caption: Style = { size: 7.5, color: ink.muted };
const body: Style = { size: 8.5 };
const grand: Style = { size: 11, weight: "bold", color: ink.accent };
const smallLine = Sheet.lineHeight(small.size);
const smallRow = smallLine + 5;
const bodyRow = Sheet.lineHeight(body.size) + 4;
const grandRow = Sheet.lineHeight(grand.size) + 10;

export function byRateHeight(totals: InvoiceTax, labels: Labels): number {
  return (totals.byRate.length + 2) * smallRow + (linesOf(labels.taxable) - 1) * smallLine;
}

/** Table of taxable value and tax per rate, in a box of `width` at `left`; the answer is the y below it. */
export function drawByRate(
  sheet: Sheet,
  { left, top, width }: { readonly left: number; readonly top: number; readonly width: number },
  totals: InvoiceTax,
  labels: Labels,
  levy: string,
): number {
  const taxes = taxColumns(totals, levy);
  const rightOf = (column: number) => left + width * (0.4 + (0.6 / taxes.length) * column);
  const row = (top: number, height: number, cells: readonly string[], style: Style) => {
    for (const [column, cell] of cells.entries()) {
      const y = top + height - 2.5 - linesOf(cell) * smallLine;
      for (const [index, line] of cell.split("\n").entries()) {
        const x = column === 0 ? left : rightOf(column - 1);
        sheet.text(line, x, y + index * smallLine, style, column === 0 ? "left" : "right");
      }
    }
    sheet.rule(left, left + width, top + height);
    return top + height;
  };
  sheet.text(labels.byRate, left, top + 2.5, heading);
  const headerHeight = smallRow + (linesOf(labels.taxable) - 1) * smallLine;
  const names = taxes.map(([name]) => name);
  let y = row(top + smallRow, headerHeight, [labels.ratePercent, labels.taxable, ...names], caption);
  for (const { ratePercent, taxable, tax } of totals.byRate) {
    const amounts = [taxable, ...taxes.map(([, part]) => tax[part])].map(formatRupees);
    y = row(y, smallRow, [`${ratePercent}%`, ...amounts], small);
  }
  return y;
}

export const sumWidth = 220;

export function sumHeight(totals: InvoiceTax): number {
  return (taxColumns(totals, "").length + 3) * bodyRow + 2 + grandRow;
}

/** Taxable value, taxes, total, round off and grand total, at the right edge; the answer is the y below it. */
export function drawSum(sheet: Sheet, top: number, totals: InvoiceTax, labels: Labels, levy: string): number {
  const left = sheet.right - sumWidth;
  const rows: ReadonlyArray<readonly [label: string, amount: number]> = [
    [labels.taxable.replace("\n", " · "), totals.taxable],
    ...taxColumns(totals, levy).map(([name, part]) => [name, totals.tax[part]] as const),
    [labels.total, totals.total],
    [labels.roundOff, totals.roundOff],
  ];
  let y = top;
  for (const [label, amount] of rows) {
    sheet.text(label, left + 8, y + 2, body);
    sheet.text(formatRupees(amount), sheet.right - 8, y + 2, body, "right");
    y += bodyRow;
  }
  y += 2;
  sheet.band(left, y, sumWidth, grandRow);
  sheet.text(labels.grandTotal, left + 8, y + 5.5, { ...grand, size: 10 });
  sheet.text(formatRupees(totals.grandTotal), sheet.right - 8, y + 4.5, grand, "right");
  return y + grandRow;
}

function taxColumns(
  { isInterState }: InvoiceTax,
  levy: string,
): ReadonlyArray<readonly [name: string, part: keyof Tax]> {
  const igst = ["IGST", "igst"] as const;
  const cgst = ["CGST", "cgst"] as const;
  return isInterState ? [igst] : [cgst, [levy, "sgst"]];
}

function linesOf(text: string): number {
  return text.split("\n").length;
}
