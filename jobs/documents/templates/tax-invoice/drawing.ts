import { formatDate } from "../../calendar-date.ts";
import { findGstState } from "../../gst-state.ts";
import type { Locale } from "../../locale.ts";
import { ink, Sheet, type Style } from "../../sheet.ts";
import { drawHeading } from "./heading.ts";
import type { TaxInvoice } from "./inputs.ts";
import { type Labels, labels } from "./labels.ts";
import { layLineTable } from "./line-table.ts";
import { taxInvoiceTotals } from "./tax.ts";
import { drawTotals, totalsHeight } from "./totals.ts";

/** The pages of a tax invoice: heading, lines, totals, notes, signature; number and page count at the foot of each. */
export function draw(sheet: Sheet, invoice: TaxInvoice, locale: Locale): void {
  const words = labels[locale];
  const totals = taxInvoiceTotals(invoice);
  const levy = findGstState(invoice.placeOfSupply)?.levy ?? "SGST";
  const table = layLineTable(totals, words, levy);
  const turnPage = () => sheet.addPage(table.orientation);
  const keep = (height: number) => {
    if (sheet.y + height > sheet.bottom) turnPage();
  };

  turnPage();
  drawHeading(sheet, invoice, words, locale);
  table.draw(sheet, turnPage);
  sheet.y += 12;
  keep(totalsHeight(sheet, totals));
  drawTotals(sheet, totals, words, levy);
  if (invoice.notes) drawNotes(sheet, invoice.notes, words, keep);
  drawSignature(sheet, invoice, words, keep);
  sheet.eachPage((page, pageCount) => {
    const y = sheet.bottom + 6;
    const left = `${invoice.invoiceNumber} · ${formatDate(invoice.issuedOn, locale)}`;
    sheet.text(left, sheet.left, y, caption);
    sheet.text(`Page ${page} of ${pageCount}`, sheet.right, y, caption, "right");
  });
}

const caption: Style = { size: 7.5, color: ink.muted };
const body: Style = { size: 8.5 };

function drawNotes(sheet: Sheet, notes: string, words: Labels, keep: (height: number) => void): void {
  const height = Sheet.lineHeight(body.size);
  sheet.y += 12;
  keep(3 * height);
  sheet.text(words.notes, sheet.left, sheet.y, caption);
  sheet.y += Sheet.lineHeight(caption.size);
  for (const line of sheet.wrap(notes, sheet.width, body)) {
    keep(height);
    sheet.line(line, sheet.left, sheet.y, body);
    sheet.y += height;
  }
}

/** Rule 46(q): signature of the supplier or his authorised representative. */
function drawSignature(sheet: Sheet, invoice: TaxInvoice, words: Labels, keep: (height: number) => void): void {
  const width = 220;
  const left = sheet.right - width;
  const name = `${words.signedFor} ${invoice.supplier.name}`;
  const nameHeight = sheet.wrap(name, width, { ...body, weight: "bold" }).length * Sheet.lineHeight(body.size);
  sheet.y += 16;
  keep(nameHeight + 62);
  sheet.paragraph(name, left, sheet.y, width, { ...body, weight: "bold" }, "right");
  sheet.y += nameHeight + 40;
  sheet.rule(left + 60, sheet.right, sheet.y);
  sheet.text(words.signatory, sheet.right, sheet.y + 3, caption, "right");
  sheet.y += 20;
}
