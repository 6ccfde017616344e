import type { z } from "zod";
import type { payload } from "#jobs/documents/generate.job.ts";
import { certificateOf } from "#jobs/documents/templates/compliance-certificate/fixtures.ts";
import { invoiceOf, fixtures as invoices } from "#jobs/documents/templates/tax-invoice/fixtures.ts";
import type { TaxInvoice, TaxInvoiceLine } from "#jobs/documents/templates/tax-invoice/inputs.ts";

/** The documents that the demo asks for: invoices of the ERP, certificates of the licence platform. */

type DocumentRequest = z.input<typeof payload>;

/** The caller's own number of the company, as in the example of the API reference. */
const companyId = "0193a1de-7a53-7cc1-9d6e-2f1f3a5b7c90";

export const certificateCount = 50;

const example = invoices.find(({ name }) => name === "small")!.userInputs as TaxInvoice;
const training: TaxInvoiceLine = {
  description: "Training, two days on site",
  hsnSac: "999293",
  quantity: "2",
  unit: "DAY",
  unitPricePaise: 1_850_000,
  gstRatePercent: 18,
};

export const shortInvoice = invoice({ ...example, lines: [...example.lines, training] });

export const longInvoice = invoice({ ...invoiceOf(1_000), invoiceNumber: "INV/2026-27/0043" });

export const certificates: readonly DocumentRequest[] = Array.from({ length: certificateCount }, (_, index) => ({
  templateId: "compliance-certificate",
  companyId,
  userInputs: {
    ...certificateOf(index + 1),
    certificateNumber: `NWL/2026/${String(index + 1).padStart(6, "0")}`,
    framework: "Northwind enterprise licence agreement",
    obligation: "Annual licence audit",
    issuer: { name: "Greta Lindner", title: "Head of Licence Compliance" },
  },
}));

/** The recipient's GSTIN with one letter mistyped: its check digit no longer fits. */
export const mistypedInvoice = invoice({
  ...example,
  invoiceNumber: "INV/2026-27/0044",
  recipient: { ...example.recipient, gstin: "29AAGCB7383K1Z4" },
});

function invoice(userInputs: TaxInvoice): DocumentRequest {
  return { templateId: "tax-invoice", companyId, locale: "en-IN", userInputs };
}
