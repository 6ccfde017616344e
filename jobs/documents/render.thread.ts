import { type DocumentRequest, readRequest } from "./request.ts";
import { Sheet } from "./sheet.ts";
import { templates } from "./template-list.ts";

/** A document, ready to be stored. `bytes` has an ArrayBuffer of its own. */
export interface RenderedDocument {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly pageCount: number;
  readonly contentType: "application/pdf";
  /** Suggested name of a download. */
  readonly fileName: string;
  readonly templateId: string;
  readonly templateVersion: number;
  readonly locale: string;
}

// Fonts and drawings are loaded when the thread starts, not in its first job.
await Promise.all(templates.map((template) => template.drawing()));

/**
 * Render one document. CPU-bound: runs in a thread, so that the worker's event loop can renew leases. The same request
 * gives the same bytes, so it is safe to repeat. Throws the permanent errors of `readRequest`.
 */
export async function run(request: DocumentRequest): Promise<RenderedDocument> {
  const { template, inputs, locale } = readRequest(request);
  const { draw } = await template.drawing();
  const sheet = new Sheet({ title: template.documentTitle(inputs), issuedOn: template.issuedOn(inputs), locale });
  draw(sheet, inputs, locale);
  const { bytes, pageCount } = await sheet.finish();
  const fileName = template.fileName(inputs);
  const { id: templateId, version: templateVersion } = template;
  return { bytes, pageCount, contentType: "application/pdf", fileName, templateId, templateVersion, locale };
}
