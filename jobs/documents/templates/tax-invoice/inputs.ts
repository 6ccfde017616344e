import { z } from "zod";
import { findGstState, placesOfSupply } from "../../gst-state.ts";
import { gstinProblem } from "../../gstin.ts";
import { maxPaise } from "../../money.ts";
import { printable } from "../../printable.ts";
import { parseQuantity, quantityPattern } from "../../quantity.ts";
import { grossWide, invoiceTotalWide } from "./tax.ts";

/**
 * `userInputs` of a tax invoice. What an Indian tax invoice must say is rule 46 of the CGST Rules, 2017.
 * Amounts are whole paise; quantities are decimal strings; unknown fields are refused.
 */

/**
 * Rates of GST (IGST, or CGST and SGST together) that an invoice may carry. Reviewed 20 November 2026 against secondary
 * sources; which rate fits which HSN or day is not checked. Notifications, Central Tax (Rate): 1/2017 (0.25, 3, 5, 12, 18,
 * 28), 40/2017 (0.1, merchant exporters), 3/2019 (1.5 and 7.5, construction), 6/2022 (1.5, diamonds), 2/2022 (6, bricks),
 * 9/2025 (40; the 12 and 28 slabs are all but empty since 22 September 2025, and stay for older supplies).
 */
export const gstRates = [0, 0.1, 0.25, 1.5, 3, 5, 6, 7.5, 12, 18, 28, 40] as const;

/** GST came into force on this day. */
const firstDay = "2017-07-01";

const gstin = z.string().superRefine((text, issues) => {
  const problem = gstinProblem(text);
  if (problem) issues.addIssue({ code: "custom", message: problem, params: { code: "gstin_invalid" } });
});

const name = printable(120);
const address = z.array(printable(120)).min(1).max(6);
const amount = z.int().min(0).max(maxPaise);

const line = z
  .strictObject({
    description: printable(10_000, { maxLines: 20 }),
    hsnSac: z.string().regex(/^(?:\d{4}|\d{6}|\d{8})$/, "expected an HSN or SAC code of 4, 6 or 8 digits"),
    quantity: z
      .string()
      .regex(quantityPattern, "expected a decimal such as 1.5: at most 9 digits, a point and 3 decimals")
      .refine((text) => parseQuantity(text) !== 0, "expected a quantity above zero"),
    unit: printable(8),
    unitPricePaise: amount,
    discountPaise: amount.optional(),
    gstRatePercent: z.literal(gstRates),
  })
  .superRefine(({ quantity, unitPricePaise, discountPaise }, issues) => {
    const gross = grossWide({ quantity, unitPricePaise });
    if (gross === undefined) return; // refused above, with its own path
    if (gross > BigInt(maxPaise)) issues.addIssue(tooLarge("unitPricePaise", "quantity × unitPricePaise"));
    if (Number.isSafeInteger(discountPaise) && BigInt(discountPaise!) > gross) {
      const message = "expected a discount of at most quantity × unitPricePaise";
      issues.addIssue({ code: "custom", path: ["discountPaise"], message, params: { code: "discount_too_large" } });
    }
  });

export const taxInvoiceInputs = z
  .strictObject({
    /** Rule 46(b). */
    invoiceNumber: z.string().regex(/^[A-Za-z0-9/-]{1,16}$/, "expected 1 to 16 letters, digits, hyphens and slashes"),
    issuedOn: z.iso.date().refine((day) => day >= firstDay, `expected a day on or after ${firstDay}, when GST began`),
    placeOfSupply: z.string().superRefine((code, issues) => {
      if (placesOfSupply.includes(code)) return;
      const replacedBy = findGstState(code)?.replacedBy;
      const message = replacedBy
        ? `this GST state code was replaced by ${replacedBy}`
        : 'expected a GST state code such as "29": two digits, 01 to 38 or 97';
      issues.addIssue({ code: "custom", message, params: { code: "state_unknown" } });
    }),
    supplier: z.strictObject({ name, gstin, address }),
    /** Without `gstin` the recipient is unregistered (a sale to a consumer). */
    recipient: z.strictObject({ name, gstin: gstin.optional(), address }),
    lines: z.array(line).min(1).max(5_000),
    notes: printable(2_000, { maxLines: 40 }).optional(),
  })
  .superRefine(({ lines }, issues) => {
    const total = invoiceTotalWide(lines);
    if (total !== undefined && total > BigInt(maxPaise)) issues.addIssue(tooLarge("lines", "the total with tax"));
  });

export type TaxInvoice = z.infer<typeof taxInvoiceInputs>;
export type TaxInvoiceLine = TaxInvoice["lines"][number];

function tooLarge(path: string, what: string) {
  const message = `expected ${what} to stay at or below ${maxPaise} paise`;
  return { code: "custom" as const, path: [path], message, params: { code: "amount_too_large" } };
}
