import type { Fixture } from "../template.ts";
import { example as small } from "./example.ts";
import type { TaxInvoice, TaxInvoiceLine } from "./inputs.ts";

/** Sample invoices. `hostile …` are texts and numbers that break careless renderers. */

/** Supplier and place of supply in Maharashtra: CGST and SGST, an odd paisa, three rates. */
const local: TaxInvoice = {
  ...small,
  placeOfSupply: "27",
  recipient: { name: "Asha Kulkarni", address: ["7 Tilak Road", "Pune 411030"] },
  lines: [
    ...small.lines,
    {
      description: "Printed manual",
      hsnSac: "4901",
      quantity: "2",
      unit: "NOS",
      unitPricePaise: 12_345,
      gstRatePercent: 5,
    },
    {
      description: "Training day (exempt)",
      hsnSac: "999293",
      quantity: "0.125",
      unit: "DAY",
      unitPricePaise: 999_999,
      gstRatePercent: 0,
    },
  ],
};

const goods = [
  "Mild steel bracket 40 mm",
  "Copper cable, 3 core, per metre",
  "Office chair",
  "Toner cartridge",
  "LED panel",
];
const rates = [5, 18, 12, 18, 28] as const;

/** `count` lines that repeat nothing but their goods; for the tests of length and speed. */
export function invoiceOf(count: number): TaxInvoice {
  const lines = Array.from({ length: count }, (_, index): TaxInvoiceLine => {
    return {
      description: `${goods[index % goods.length]}, batch ${1000 + index}`,
      hsnSac: ["7308", "854449", "940130", "84439959", "9405"][index % 5]!,
      quantity: `${1 + (index % 17)}${index % 4 === 0 ? ".5" : ""}`,
      unit: ["NOS", "MTR", "NOS", "NOS", "PCS"][index % 5]!,
      unitPricePaise: 1_999 + index * 137,
      ...(index % 10 === 0 ? { discountPaise: 500 } : {}),
      gstRatePercent: rates[index % 5]!,
    };
  });
  return { ...small, invoiceNumber: `INV/26-27/${count}`, lines };
}

function withDescription(description: string): TaxInvoice {
  return { ...small, lines: [{ ...small.lines[0]!, description }, small.lines[1]!] };
}

export const fixtures: readonly Fixture[] = [
  {
    name: "small",
    userInputs: small,
    expected: {
      outcome: "rendered",
      pageCount: 1,
      text: [
        "TAX INVOICE",
        "₹3,750.00",
        "₹675.00",
        "₹1,49,950.75",
        "₹26,991.14",
        "₹1,81,366.89",
        "₹0.11",
        "₹1,81,367.00",
      ],
    },
  },
  {
    name: "small in Hindi",
    locale: "hi-IN",
    userInputs: small,
    expected: { outcome: "rendered", pageCount: 1, text: ["कर बीजक", "आपूर्ति का स्थान", "₹1,81,367.00"] },
  },
  {
    name: "local supply to a consumer",
    userInputs: local,
    expected: { outcome: "rendered", pageCount: 1, text: ["Unregistered", "CGST", "SGST", "₹13,495.57"] },
  },
  {
    name: "a thousand lines",
    userInputs: invoiceOf(1_000),
    expected: {
      outcome: "rendered",
      text: ["Page 1 of ", "batch 1000", "batch 1999", "Grand total", "Authorised signatory"],
    },
  },
  {
    name: "hostile: a word of 10,000 characters",
    userInputs: withDescription("W".repeat(10_000)),
    expected: { outcome: "rendered", text: ["WWWWWWWWWW", "₹1,81,367.00"] },
  },
  {
    name: "hostile: a word of 10,001 characters",
    userInputs: withDescription("W".repeat(10_001)),
    expected: { outcome: "refused", problems: { "lines.0.description": "too_big" } },
  },
  {
    name: "hostile: the rupee sign, Hindi with joiners, accents, Greek and Cyrillic",
    userInputs: withDescription("₹ क्‍ष श्री हिन्दी में सेवा · crème brûlée · Ωμέγα · Щука · e\u0301"),
    expected: {
      outcome: "rendered",
      pageCount: 1,
      text: ["₹ क्‍ष श्री हिन्दी में सेवा", "crème brûlée", "Ωμέγα", "Щука", "é"],
    },
  },
  {
    name: "hostile: emoji",
    userInputs: withDescription("Party 🎉 pack"),
    expected: { outcome: "refused", problems: { "lines.0.description": "U+1F389" } },
  },
  {
    name: "hostile: right-to-left text",
    userInputs: withDescription("שלום"),
    expected: { outcome: "refused", problems: { "lines.0.description": "right_to_left_text" } },
  },
  {
    name: "hostile: a direction override",
    userInputs: withDescription("invoice \u202Efdp.exe"),
    expected: { outcome: "refused", problems: { "lines.0.description": "U+202E" } },
  },
  {
    name: "hostile: a zero-width space in a name",
    userInputs: { ...small, supplier: { ...small.supplier, name: "Surya\u200Bdaya" } },
    expected: { outcome: "refused", problems: { "supplier.name": "invisible_character" } },
  },
  {
    name: "hostile: a bad check digit, a negative quantity, null and an unknown field at once",
    userInputs: {
      ...small,
      supplier: { ...small.supplier, gstin: "27AAPFU0939F1ZX" },
      lines: [{ ...small.lines[0], quantity: "-3", unit: null, colour: "red" }],
      notes: null,
    },
    expected: {
      outcome: "refused",
      problems: {
        "supplier.gstin": "gstin_invalid",
        "lines.0.quantity": "invalid_format",
        "lines.0.unit": "invalid_type",
        "lines.0.colour": "unrecognized_key",
        notes: "invalid_type",
      },
    },
  },
  {
    name: "hostile: a discount above the line, and amounts beyond the limit",
    userInputs: {
      ...small,
      lines: [
        { ...small.lines[0], discountPaise: 375_001 },
        { ...small.lines[0], quantity: "999999999", unitPricePaise: 9_999_999_999_999 },
      ],
    },
    expected: {
      outcome: "refused",
      problems: { "lines.0.discountPaise": "discount_too_large", "lines.1.unitPricePaise": "amount_too_large" },
    },
  },
];
