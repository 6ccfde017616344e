import { createHash } from "node:crypto";
import type { ReportPlace } from "#core/report-key.ts";
import { type Copy, textOf } from "./copy.ts";

/** The job that prints, by its name in the catalog: what is here imports no jobs. */
export const printJob = "documents.generate";

/** A printed report is a document like others: this one, made of this result. */
export interface Print {
  /** Follows from tenant, question and result: whoever asks for the same print gets the same document. */
  readonly documentId: string;
  readonly payload: Readonly<Record<string, unknown>>;
}

/** What prints a result. The document belongs to the tenant as a whole, whose company id follows from its name. */
export async function toPrint({ tenant, key }: ReportPlace, copy: Copy): Promise<Print> {
  const { title, params, asOf, columns, chart, rows } = JSON.parse((await textOf(copy)).toString());
  const documentId = uuidOf(`print 1\n${tenant}\n${key}\n${copy.etag}\n${copy.asOf}`);
  const subtitle = Object.entries(params)
    .map(([name, value]) => `${name} ${String(value)}`)
    .join(" · ")
    .slice(0, 400);
  const userInputs = { title, ...(subtitle && { subtitle }), asOf, columns, ...(chart && { chart }), rows };
  return { documentId, payload: { templateId: "report", companyId: companyOf(tenant), documentId, userInputs } };
}

/** The company that a tenant's printed reports belong to. */
export function companyOf(tenant: string): string {
  return uuidOf(`tenant\n${tenant}`);
}

/** A UUID that follows from a text (version 8, RFC 9562). */
function uuidOf(text: string): string {
  const hex = createHash("sha256").update(text).digest("hex");
  const variant = ((Number.parseInt(hex[16]!, 16) & 3) | 8).toString(16);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
