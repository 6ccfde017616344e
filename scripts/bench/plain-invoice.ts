import { createRequire } from "node:module";
import { buffer } from "node:stream/consumers";
import PDFDocument from "pdfkit";
import { formatDate } from "#jobs/documents/calendar-date.ts";
import { findGstState } from "#jobs/documents/gst-state.ts";
import { formatRupees, rupeesInWords } from "#jobs/documents/rupees.ts";
import type { TaxInvoice } from "#jobs/documents/templates/tax-invoice/inputs.ts";
import { taxInvoiceTotals } from "#jobs/documents/templates/tax-invoice/tax.ts";

const { resolve } = createRequire(import.meta.url);
const regular = resolve("@expo-google-fonts/noto-sans/400Regular/NotoSans_400Regular.ttf");
const bold = resolve("@expo-google-fonts/noto-sans/700Bold/NotoSans_700Bold.ttf");

const margin = 36;
const columns = [
  { label: "#", width: 18, align: "right" },
  { label: "Description", width: 135, align: "left" },
  { label: "HSN/SAC", width: 44, align: "left" },
  { label: "Qty", width: 30, align: "right" },
  { label: "Unit", width: 30, align: "left" },
  { label: "Unit price", width: 58, align: "right" },
  { label: "Taxable value", width: 62, align: "right" },
  { label: "GST", width: 26, align: "right" },
  { label: "IGST", width: 56, align: "right" },
  { label: "Amount", width: 64, align: "right" },
] as const;

/**
 * The one-page tax invoice of the same text in pdfkit as its guide teaches it: `font(path)`, which embeds Noto and parses it
 * for this document (`registerFont` would parse it for every cell), and `text` at a place. The arithmetic is the template's.
 */
export async function drawPlainInvoice(invoice: TaxInvoice): Promise<Buffer> {
  const totals = taxInvoiceTotals(invoice);
  const pdf = new PDFDocument({ size: "A4", margin, font: regular });
  const bytes = buffer(pdf);
  const width = pdf.page.width - 2 * margin;
  const right = margin + width;
  const write = (
    text: string,
    x: number,
    y: number,
    style: { font?: string; size?: number; width?: number; align?: "left" | "right" } = {},
  ) => {
    const { font = regular, size = 7.5, align = "left" } = style;
    pdf.font(font).fontSize(size);
    pdf.text(text, x, y, { width: style.width ?? width, align, lineGap: 1 });
  };
  const rule = (y: number) => pdf.moveTo(margin, y).lineTo(right, y).lineWidth(0.6).strokeColor("#c9ced4").stroke();
  const row = (cells: readonly string[], y: number, font: string) => {
    let x = margin;
    for (const [index, column] of columns.entries()) {
      write(cells[index]!, x + 3, y, { font, width: column.width - 6, align: column.align });
      x += column.width;
    }
    rule(y + 13);
    return y + 16;
  };

  write("TAX INVOICE", margin, margin, { font: bold, size: 18 });
  write("Original for recipient", margin, margin + 9, { align: "right" });
  const facts = [
    ["Invoice no.", invoice.invoiceNumber],
    ["Date", formatDate(invoice.issuedOn, "en-IN")],
    ["Place of supply", stateName(invoice.placeOfSupply)],
    ["Reverse charge", "No"],
  ] as const;
  for (const [index, [label, value]] of facts.entries()) {
    const x = margin + (width / facts.length) * index;
    write(label, x, 78, { width: width / 4 });
    write(value, x, 89, { font: bold, size: 9.5, width: width / 4 });
  }
  for (const [x, role, party] of [
    [margin, "Supplier", invoice.supplier],
    [margin + width / 2, "Bill to", invoice.recipient],
  ] as const) {
    write(role, x, 116);
    write(party.name, x, 127, { font: bold, size: 10.5 });
    const address = [...party.address, `GSTIN  ${party.gstin ?? "Unregistered"}`];
    for (const [index, line] of address.entries()) write(line, x, 143 + index * 12, { size: 8.5 });
    if (party.gstin) write(`State  ${stateName(party.gstin.slice(0, 2))}`, x, 143 + address.length * 12, { size: 8.5 });
  }

  let y = row(
    columns.map(({ label }) => label),
    210,
    bold,
  );
  for (const [index, { line, taxable, tax, amount }] of totals.lines.entries())
    y = row(
      [
        String(index + 1),
        line.description,
        line.hsnSac,
        line.quantity,
        line.unit,
        formatRupees(line.unitPricePaise),
        formatRupees(taxable),
        `${line.gstRatePercent}%`,
        formatRupees(tax.igst),
        formatRupees(amount),
      ],
      y,
      regular,
    );

  y += 14;
  const sums = [
    ["Taxable value", totals.taxable],
    ["IGST", totals.tax.igst],
    ["Total", totals.total],
    ["Round off", totals.roundOff],
    ["Grand total", totals.grandTotal],
  ] as const;
  for (const [index, [label, amount]] of sums.entries()) {
    write(label, right - 212, y + index * 16, { size: 8.5, width: 100 });
    write(formatRupees(amount), right - 108, y + index * 16, { size: 8.5, width: 100, align: "right" });
  }
  write(`For ${invoice.supplier.name}`, right - 220, y + 96, { font: bold, size: 8.5, width: 212, align: "right" });
  write("Authorised signatory", right - 220, y + 145, { width: 212, align: "right" });
  write("Tax by rate", margin, y, { font: bold });
  for (const [index, { ratePercent, taxable, tax }] of totals.byRate.entries()) {
    write(`${ratePercent}%`, margin, y + 14 * (index + 1), { width: 60 });
    write(formatRupees(taxable), margin + 60, y + 14 * (index + 1), { width: 90, align: "right" });
    write(formatRupees(tax.igst), margin + 150, y + 14 * (index + 1), { width: 90, align: "right" });
  }
  write("Amount in words", margin, y + 60);
  write(rupeesInWords(totals.grandTotal), margin, y + 71, { font: bold, size: 8.5, width: width - 240 });
  write(`${invoice.invoiceNumber} · ${formatDate(invoice.issuedOn, "en-IN")}`, margin, pdf.page.height - margin - 12);
  write("Page 1 of 1", margin, pdf.page.height - margin - 12, { align: "right" });
  pdf.end();
  return bytes;
}

/** "Karnataka (29)" */
function stateName(code: string): string {
  return `${findGstState(code)?.name ?? ""} (${code})`;
}
