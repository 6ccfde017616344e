import { defineTemplate } from "../template.ts";
import { example } from "./example.ts";
import { taxInvoiceInputs } from "./inputs.ts";

/** A tax invoice under India's Goods and Services Tax, for a domestic supply without reverse charge or cess. */
export const taxInvoice = defineTemplate({
  id: "tax-invoice",
  version: 1,
  title: "Tax invoice (India, GST)",
  locales: ["en-IN", "hi-IN"],
  inputs: taxInvoiceInputs,
  example,
  documentTitle: ({ invoiceNumber }) => `Tax invoice ${invoiceNumber}`,
  issuedOn: ({ issuedOn }) => issuedOn,
  fileName: ({ invoiceNumber }) => `tax-invoice-${invoiceNumber.replaceAll("/", "-")}.pdf`,
  drawing: () => import("./drawing.ts"),
  fixtures: () => import("./fixtures.ts"),
});
