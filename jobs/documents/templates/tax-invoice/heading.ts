import { formatDate } from "../../calendar-date.ts";
import { findGstState } from "../../gst-state.ts";
import { stateCodeOf } from "../../gstin.ts";
import type { Locale } from "../../locale.ts";
import { ink, Sheet, type Style } from "../../sheet.ts";
import type { TaxInvoice } from "./inputs.ts";
import type { Labels } from "./labels.ts";

/** The top of the first page: title, the facts of the invoice, and both parties. Leaves `y` where the table begins. */
export function drawHeading(sheet: Sheet, invoice: TaxInvoice, labels: Labels, locale: Locale): void {
  sheet.text(labels.title, sheet.left, sheet.y, title);
  sheet.text(labels.copy, sheet.right, sheet.y + 9, caption, "right");
  sheet.y += 30;
  sheet.rule(sheet.left, sheet.right, sheet.y, ink.accent, 1.4);
  sheet.y += 12;
  drawFacts(sheet, [
    [labels.invoiceNumber, invoice.invoiceNumber],
    [labels.issuedOn, formatDate(invoice.issuedOn, locale)],
    [labels.placeOfSupply, stateName(invoice.placeOfSupply)],
    [labels.reverseCharge, labels.no],
  ]);
  sheet.y += 14;
  const half = (sheet.width - gutter) / 2;
  const top = sheet.y;
  const ends = [
    drawParty(sheet, sheet.left, top, half, labels.supplier, invoice.supplier, labels),
    drawParty(sheet, sheet.left + half + gutter, top, half, labels.recipient, invoice.recipient, labels),
  ];
  sheet.y = Math.max(...ends) + 14;
}

const gutter = 24;
const title: Style = { size: 18, weight: "bold", color: ink.accent };
const caption: Style = { size: 7.5, color: ink.muted };
const fact: Style = { size: 9.5, weight: "bold" };
const partyName: Style = { size: 10.5, weight: "bold" };
const detail: Style = { size: 8.5 };

function drawFacts(sheet: Sheet, facts: ReadonlyArray<readonly [label: string, value: string]>): void {
  const width = sheet.width / facts.length;
  const ends = facts.map(([label, value], index) => {
    const x = sheet.left + index * width;
    const below = sheet.paragraph(label, x, sheet.y, width - 10, caption);
    return sheet.paragraph(value, x, below + 1, width - 10, fact);
  });
  sheet.y = Math.max(...ends);
}

function drawParty(
  sheet: Sheet,
  x: number,
  top: number,
  width: number,
  role: string,
  party: TaxInvoice["supplier"] | TaxInvoice["recipient"],
  labels: Labels,
): number {
  sheet.text(role, x, top, caption);
  let y = sheet.paragraph(party.name, x, top + Sheet.lineHeight(caption.size) + 1, width, partyName);
  for (const line of party.address) y = sheet.paragraph(line, x, y, width, detail);
  y += 2;
  y = sheet.paragraph(`${labels.gstin}  ${party.gstin ?? labels.unregistered}`, x, y, width, detail);
  if (party.gstin === undefined) return y;
  return sheet.paragraph(`${labels.state}  ${stateName(stateCodeOf(party.gstin))}`, x, y, width, detail);
}

/** "Karnataka (29)" */
function stateName(code: string): string {
  return `${findGstState(code)?.name ?? ""} (${code})`;
}
