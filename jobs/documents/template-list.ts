import { complianceCertificate } from "./templates/compliance-certificate/template.ts";
import { report } from "./templates/report/template.ts";
import { taxInvoice } from "./templates/tax-invoice/template.ts";
import type { DocumentTemplate } from "./templates/template.ts";

/** Every template, in its light form: ids, versions and schemas, no pdfkit and no fonts. A new template is a line here. */
export const templates = [taxInvoice, complianceCertificate, report] as const satisfies readonly DocumentTemplate[];

const byId = new Map<string, DocumentTemplate>(templates.map((template) => [template.id, template]));

/** The template of an id; undefined when there is none. */
export function findTemplate(templateId: string): DocumentTemplate | undefined {
  return byId.get(templateId);
}
