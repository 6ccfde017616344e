import { invoiceOf } from "#jobs/documents/templates/tax-invoice/fixtures.ts";

const companyId = "0193a1de-7a53-7cc1-9d6e-2f1f3a5b7c90";

/** An invoice that keeps a render thread busy for about half a second, as the body of an enqueue. */
export const longInvoice = { payload: { templateId: "tax-invoice", companyId, userInputs: invoiceOf(4_000) } };
