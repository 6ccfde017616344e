import type { TaxInvoice } from "./inputs.ts";

/** A small tax invoice: the example of `docs/`, of the reference, and of issue 2. Light, because definitions load it. */
export const example: TaxInvoice = {
  invoiceNumber: "INV/2026-27/0042",
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
  lines: [
    {
      description: "Implementation services",
      hsnSac: "998314",
      quantity: "3",
      unit: "NOS",
      unitPricePaise: 125_000,
      gstRatePercent: 18,
    },
    {
      description: "Annual licence",
      hsnSac: "997331",
      quantity: "1.5",
      unit: "YRS",
      unitPricePaise: 10_000_050,
      discountPaise: 5_000,
      gstRatePercent: 18,
    },
  ],
  notes: "Payment within 30 days.",
};
