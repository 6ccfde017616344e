import type { Locale } from "../../locale.ts";

/** Words printed on a tax invoice. In Hindi the English term stands beside it, because both are read by officials. */
export interface Labels {
  readonly title: string;
  readonly copy: string;
  readonly invoiceNumber: string;
  readonly issuedOn: string;
  readonly placeOfSupply: string;
  readonly reverseCharge: string;
  readonly no: string;
  readonly supplier: string;
  readonly recipient: string;
  readonly gstin: string;
  readonly unregistered: string;
  readonly state: string;
  readonly description: string;
  readonly hsnSac: string;
  readonly quantity: string;
  readonly unit: string;
  readonly unitPrice: string;
  readonly discount: string;
  readonly taxable: string;
  readonly ratePercent: string;
  readonly amount: string;
  readonly byRate: string;
  readonly tax: string;
  readonly total: string;
  readonly roundOff: string;
  readonly grandTotal: string;
  readonly inWords: string;
  readonly notes: string;
  readonly signedFor: string;
  readonly signatory: string;
}

export const labels: Readonly<Record<Locale, Labels>> = {
  "en-IN": {
    title: "TAX INVOICE",
    copy: "Original for recipient",
    invoiceNumber: "Invoice no.",
    issuedOn: "Date",
    placeOfSupply: "Place of supply",
    reverseCharge: "Reverse charge",
    no: "No",
    supplier: "Supplier",
    recipient: "Bill to",
    gstin: "GSTIN",
    unregistered: "Unregistered",
    state: "State",
    description: "Description",
    hsnSac: "HSN/SAC",
    quantity: "Qty",
    unit: "Unit",
    unitPrice: "Rate",
    discount: "Discount",
    taxable: "Taxable value",
    ratePercent: "GST %",
    amount: "Amount",
    byRate: "Tax by rate",
    tax: "Tax",
    total: "Total",
    roundOff: "Round off",
    grandTotal: "Grand total",
    inWords: "Amount in words",
    notes: "Notes",
    signedFor: "For",
    signatory: "Authorised signatory",
  },
  "hi-IN": {
    title: "कर बीजक · TAX INVOICE",
    copy: "प्राप्तकर्ता के लिए मूल प्रति · Original for recipient",
    invoiceNumber: "बीजक संख्या · Invoice no.",
    issuedOn: "दिनांक · Date",
    placeOfSupply: "आपूर्ति का स्थान · Place of supply",
    reverseCharge: "प्रतिलोम प्रभार · Reverse charge",
    no: "नहीं · No",
    supplier: "आपूर्तिकर्ता · Supplier",
    recipient: "प्राप्तकर्ता · Bill to",
    gstin: "GSTIN",
    unregistered: "अपंजीकृत · Unregistered",
    state: "राज्य · State",
    description: "विवरण\nDescription",
    hsnSac: "HSN/SAC",
    quantity: "मात्रा\nQty",
    unit: "इकाई\nUnit",
    unitPrice: "दर\nRate",
    discount: "छूट\nDiscount",
    taxable: "कर योग्य मूल्य\nTaxable value",
    ratePercent: "GST %",
    amount: "राशि\nAmount",
    byRate: "दर के अनुसार कर · Tax by rate",
    tax: "कर · Tax",
    total: "योग · Total",
    roundOff: "पूर्णांकन · Round off",
    grandTotal: "कुल राशि · Grand total",
    inWords: "राशि शब्दों में · Amount in words",
    notes: "टिप्पणी · Notes",
    signedFor: "कृते · For",
    signatory: "प्राधिकृत हस्ताक्षरकर्ता · Authorised signatory",
  },
};
