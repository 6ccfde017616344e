const companyId = "0193a1de-7a53-7cc1-9d6e-2f1f3a5b7c90";

/** An invoice that takes a render thread about half a second. */
export function longInvoice() {
  const line = {
    description: "Support hour",
    hsnSac: "998313",
    quantity: "1",
    unit: "HRS",
    unitPricePaise: 150000,
    gstRatePercent: 18,
  };
  return {
    payload: {
      templateId: "tax-invoice",
      companyId,
      userInputs: {
        invoiceNumber: "INV/2026-27/0099",
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
        lines: Array.from({ length: 4_000 }, () => line),
      },
    },
  };
}
