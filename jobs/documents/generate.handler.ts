import type { Handler } from "#core/handler.ts";
import { type GenerateDocument, type GeneratedDocument, renderThread } from "./generate.job.ts";
import type { RenderedDocument } from "./render.thread.ts";
import type { DocumentRequest } from "./request.ts";

export const handle: Handler<GenerateDocument, GeneratedDocument> = async (request, ctx) => {
  const { templateId, userInputs, locale, companyId, documentId = ctx.jobId } = request;
  ctx.progress(0.1, "rendering");
  const rendered = await ctx.thread<DocumentRequest, RenderedDocument>(renderThread, {
    templateId,
    userInputs,
    locale,
  });

  ctx.progress(0.8, "storing");
  const { sha256, sizeBytes } = await ctx.services.blobs.put(rendered.bytes);
  const added = {
    tenant: ctx.tenant,
    documentId,
    companyId,
    jobId: ctx.jobId, // what makes a repeated attempt find the version of the first one
    templateId: rendered.templateId,
    templateVersion: rendered.templateVersion,
    locale: rendered.locale,
    sha256,
    sizeBytes,
    pageCount: rendered.pageCount,
    contentType: rendered.contentType,
    fileName: rendered.fileName,
  };
  // Bytes without a version are harmless; a version by a worker that lost the job would not be.
  const { version } = await ctx.commit((sql) => ctx.services.documents.addVersion(added, sql));
  ctx.log.info({ documentId, version, sizeBytes, pageCount: rendered.pageCount }, "document.stored");
  return { documentId, version, sha256, sizeBytes, pageCount: rendered.pageCount };
};
