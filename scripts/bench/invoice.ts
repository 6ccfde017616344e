import type { TaxInvoice } from "#jobs/documents/templates/tax-invoice/inputs.ts";

/** A tax invoice of so many lines; `number` makes each one different. */
export function invoiceOf(lines: number, number: number): { templateId: string; userInputs: TaxInvoice } {
  return {
    templateId: "tax-invoice",
    userInputs: {
      invoiceNumber: `INV/26-27/${String(number).padStart(5, "0")}`,
      issuedOn: "2026-11-05",
      placeOfSupply: "29",
      supplier: {
        name: "Suryodaya ERP Pvt Ltd",
        gstin: "27AAPFU0939F1ZV",
        address: ["14 Senapati Bapat Marg", "Mumbai 400013"],
      },
      recipient: {
        name: "Bengal Retail Pvt Ltd",
        gstin: "29AAGCB7383J1Z4",
        address: ["2 Residency Road", "Bengaluru 560025"],
      },
      lines: Array.from({ length: lines }, (_, index) => ({
        description: `Support hours, ticket ${number * 1_000 + index}`,
        hsnSac: "998313",
        quantity: `${1 + (index % 7)}.5`,
        unit: "HRS",
        unitPricePaise: 150_000 + index * 37,
        gstRatePercent: 18,
      })),
    },
  };
}
