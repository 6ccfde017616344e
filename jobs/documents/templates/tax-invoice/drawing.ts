import { formatDate } from "../../calendar-date.ts";
import { findGstState } from "../../gst-state.ts";
import type { Locale } from "../../locale.ts";
import { rupeesInWords } from "../../rupees.ts";
import { ink, Sheet, type Style } from "../../sheet.ts";
import { drawHeading } from "./heading.ts";
import type { TaxInvoice } from "./inputs.ts";
import { type Labels, labels } from "./labels.ts";
import { layLineTable } from "./line-table.ts";
import { type InvoiceTax, taxInvoiceTotals } from "./tax.ts";
import { byRateHeight, drawByRate, drawSum, sumHeight, sumWidth } from "./totals.ts";

/** The pages of a tax invoice: heading, lines, totals, signature and notes; number and page count at the foot of each. */
export function draw(sheet: Sheet, invoice: TaxInvoice, locale: Locale): void {
  const words = labels[locale];
  const totals = taxInvoiceTotals(invoice);
  const levy = findGstState(invoice.placeOfSupply)?.levy ?? "SGST";
  const table = layLineTable(totals, words, levy);
  const turnPage = () => sheet.addPage(table.orientation);

  turnPage();
  drawHeading(sheet, invoice, words, locale);
  table.draw(sheet, turnPage);
  drawClosing(sheet, invoice, totals, words, levy, turnPage);
  sheet.eachPage((page, pageCount) => {
    const y = sheet.bottom + 6;
    sheet.text(`${invoice.invoiceNumber} · ${formatDate(invoice.issuedOn, locale)}`, sheet.left, y, caption);
    sheet.text(`Page ${page} of ${pageCount}`, sheet.right, y, caption, "right");
  });
}

const caption: Style = { size: 7.5, color: ink.muted };
const body: Style = { size: 8.5 };
const strong: Style = { ...body, weight: "bold" };
const bodyLine = Sheet.lineHeight(body.size);
const captionLine = Sheet.lineHeight(caption.size);
const gutter = 24;
const signatureRoom = 34; // points between the supplier's name and the rule

/** Two columns kept on one page: tax by rate and words on the left, sum and signature on the right. Notes run on below. */
function drawClosing(
  sheet: Sheet,
  invoice: TaxInvoice,
  totals: InvoiceTax,
  words: Labels,
  levy: string,
  turnPage: () => void,
): void {
  const left = { left: sheet.left, width: sheet.width - sumWidth - gutter };
  const inWords = sheet.wrap(rupeesInWords(totals.grandTotal), left.width, strong);
  const signedFor = sheet.wrap(`${words.signedFor} ${invoice.supplier.name}`, sumWidth, strong);
  const leftHeight = byRateHeight(totals, words) + 12 + captionLine + inWords.length * bodyLine;
  const rightHeight = sumHeight(totals) + 16 + signedFor.length * bodyLine + signatureRoom + 3 + captionLine;
  sheet.y += 14;
  if (sheet.y + Math.max(leftHeight, rightHeight) > sheet.bottom) turnPage();

  // Rule 46(q): signature of the supplier or his authorised representative.
  let right = drawSum(sheet, sheet.y, totals, words, levy) + 16;
  for (const line of signedFor) {
    sheet.line(line, sheet.right, right, strong, "right");
    right += bodyLine;
  }
  sheet.rule(sheet.right - 160, sheet.right, right + signatureRoom);
  sheet.text(words.signatory, sheet.right, right + signatureRoom + 3, caption, "right");

  sheet.y = drawByRate(sheet, { ...left, top: sheet.y }, totals, words, levy) + 12;
  sheet.text(words.inWords, sheet.left, sheet.y, caption);
  sheet.y += captionLine;
  for (const line of inWords) {
    sheet.line(line, sheet.left, sheet.y, strong);
    sheet.y += bodyLine;
  }
  if (invoice.notes) drawNotes(sheet, invoice.notes, words, left.width, turnPage);
}

function drawNotes(sheet: Sheet, notes: string, words: Labels, width: number, turnPage: () => void): void {
  sheet.y += 10;
  if (sheet.y + captionLine + 2 * bodyLine > sheet.bottom) turnPage();
  sheet.text(words.notes, sheet.left, sheet.y, caption);
  sheet.y += captionLine;
  for (const line of sheet.wrap(notes, width, body)) {
    if (sheet.y + bodyLine > sheet.bottom) turnPage();
    sheet.line(line, sheet.left, sheet.y, body);
    sheet.y += bodyLine;
  }
}
