import { createHash } from "node:crypto";
import type { Handler } from "#core/handler.ts";
import type { BlobStore } from "#core/services.ts";
import type { VerifiedDocuments, VerifyDocuments } from "./verify-documents.job.ts";

const pageSize = 200;
const namedAtMost = 100;

export const handle: Handler<VerifyDocuments, VerifiedDocuments> = async ({ since }, ctx) => {
  const { blobs, documents } = ctx.services;
  const tenant = ctx.tenant === "*" ? null : ctx.tenant; // a job of the house looks after everybody's
  const missing: string[] = [];
  const corrupt: string[] = [];
  let checked = 0;
  for await (const version of documents.storedSince(tenant, since ? new Date(since) : new Date(0), pageSize)) {
    ctx.signal.throwIfAborted();
    const name = `${version.documentId}/${version.version}`;
    if (!(await blobs.has(version.sha256))) missing.push(name);
    else if ((await hashOf(blobs, version.sha256)) !== version.sha256) corrupt.push(name);
    checked += 1;
  }
  if (missing.length + corrupt.length > 0)
    ctx.log.error({ checked, missing: missing.length, corrupt: corrupt.length }, "documents.damaged");
  return { checked, missing: missing.slice(0, namedAtMost), corrupt: corrupt.slice(0, namedAtMost) };
};

async function hashOf(blobs: BlobStore, sha256: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of await blobs.read(sha256)) hash.update(chunk);
  return hash.digest("hex");
}
