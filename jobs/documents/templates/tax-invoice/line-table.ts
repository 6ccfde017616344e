import { formatRupees } from "../../rupees.ts";
import type { Align, Orientation, Sheet, Style } from "../../sheet.ts";
import { type Column, cellPadding, Table } from "../../table.ts";
import { type Line, setLine } from "../../typeset.ts";
import type { Labels } from "./labels.ts";
import type { InvoiceTax, TaxedLine } from "./tax.ts";

/**
 * The lines of an invoice. Columns of numbers are as wide as their widest number; the description takes the rest. When that
 * is too little on an upright page, the whole invoice lies down.
 */
export interface LineTable {
  readonly orientation: Orientation;
  /** Draw header and rows from the sheet's `y`; `turnPage` begins another page. */
  draw(sheet: Sheet, turnPage: () => void): void;
}

const style: Style = { size: 7.5 };
const headerStyle: Style = { ...style, weight: "bold" };
const bodyWidth = { portrait: 523.28, landscape: 769.89 } as const; // A4 less the margins of a sheet
const leastDescription = 100; // points: about four words a line

interface Field {
  readonly label: string;
  readonly align: Align;
  readonly text: (line: TaxedLine, number: number) => string;
}

export function layLineTable(totals: InvoiceTax, labels: Labels, levy: string): LineTable {
  const before: readonly Field[] = [{ label: "#", align: "right", text: (_, number) => String(number) }];
  const after = fieldsAfterDescription(totals, labels, levy);
  const cells = (fields: readonly Field[]) =>
    totals.lines.map((line, index) => fields.map(({ text }) => setLine(text(line, index + 1), "regular")));
  const cellsBefore = cells(before);
  const cellsAfter = cells(after);
  const columnsBefore = before.map((field, index) => toColumn(field, cellsBefore, index));
  const columnsAfter = after.map((field, index) => toColumn(field, cellsAfter, index));
  const taken = [...columnsBefore, ...columnsAfter].reduce((width, column) => width + column.width, 0);
  const orientation = bodyWidth.portrait - taken >= leastDescription ? "portrait" : "landscape";
  const width = bodyWidth[orientation] - taken;
  const description: Column = { label: labels.description, align: "left", width };

  return {
    orientation,
    draw(sheet, turnPage) {
      const table = new Table(sheet, [...columnsBefore, description, ...columnsAfter], style, turnPage);
      table.header();
      for (const [index, { line }] of totals.lines.entries()) {
        const words = sheet.wrap(line.description, width - 2 * cellPadding, style);
        table.row([...asCells(cellsBefore[index]!), words, ...asCells(cellsAfter[index]!)]);
      }
    },
  };
}

function fieldsAfterDescription(totals: InvoiceTax, labels: Labels, levy: string): readonly Field[] {
  const discounted = totals.lines.some(({ line }) => line.discountPaise);
  const amount = (label: string, of: (line: TaxedLine) => number): Field => {
    return { label, align: "right", text: (line) => formatRupees(of(line)) };
  };
  const discount: Field = {
    label: labels.discount,
    align: "right",
    text: ({ line }) => (line.discountPaise ? formatRupees(line.discountPaise) : "–"),
  };
  return [
    { label: labels.hsnSac, align: "left", text: ({ line }) => line.hsnSac },
    { label: labels.quantity, align: "right", text: ({ line }) => line.quantity },
    { label: labels.unit, align: "left", text: ({ line }) => line.unit },
    amount(labels.unitPrice, ({ line }) => line.unitPricePaise),
    ...(discounted ? [discount] : []),
    amount(labels.taxable, ({ taxable }) => taxable),
    { label: labels.ratePercent, align: "right", text: ({ line }) => `${line.gstRatePercent}%` },
    ...(totals.isInterState
      ? [amount("IGST", ({ tax }) => tax.igst)]
      : [amount("CGST", ({ tax }) => tax.cgst), amount(levy, ({ tax }) => tax.sgst)]),
    amount(labels.amount, (line) => line.amount),
  ];
}

/** As wide as the widest cell and the widest word of the label. */
function toColumn(field: Field, rows: ReadonlyArray<readonly Line[]>, index: number): Column {
  let ems = 0;
  for (const row of rows) ems = Math.max(ems, row[index]!.width);
  for (const word of field.label.split(/\s/)) ems = Math.max(ems, setLine(word, headerStyle.weight!).width);
  return { label: field.label, align: field.align, width: ems * style.size + 2 * cellPadding + 0.1 };
}

function asCells(lines: readonly Line[]): ReadonlyArray<readonly Line[]> {
  return lines.map((line) => [line]);
}
