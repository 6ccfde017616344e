import { pipeline } from "node:stream/promises";
import type { Response } from "express";
import type { BlobStore, DocumentVersion } from "#core/services.ts";
import { contentDisposition } from "./content-disposition.ts";

/** Answer with a printed report. */
export async function sendPrint(
  res: Response,
  blobs: BlobStore,
  { sha256, sizeBytes, contentType, fileName }: DocumentVersion,
): Promise<void> {
  res.set({
    "Content-Type": contentType,
    "Content-Length": String(sizeBytes),
    "Content-Disposition": contentDisposition("attachment", fileName),
    "Content-Security-Policy": "sandbox; default-src 'none'",
  });
  await pipeline(await blobs.read(sha256), res).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "ERR_STREAM_PREMATURE_CLOSE") throw error; // the reader left: its right
  });
}
