import { text } from "node:stream/consumers";
import type { BlobStore } from "./services.ts";

/** Payloads and results above this size are kept in the blob store, so that rows and their copies stay small. */
export const inlineLimitBytes = 64 * 1_024;

/** A JSON value as a row keeps it: itself, or the SHA-256 of its text in the blob store. */
export interface KeptJson {
  readonly inline: unknown;
  readonly blob: string | null;
}

/** Store a value's text if it is too large for a row. Safe to repeat: the same value is the same blob. */
export async function keepJson(blobs: BlobStore, value: unknown): Promise<KeptJson> {
  const json = JSON.stringify(value) ?? "null";
  // Most are far below: no byte is counted where the number of UTF-16 units settles it.
  if (json.length * 3 <= inlineLimitBytes || Buffer.byteLength(json) <= inlineLimitBytes)
    return { inline: value, blob: null };
  const { sha256 } = await blobs.put(Buffer.from(json));
  return { inline: null, blob: sha256 };
}

/** The value again. Rejects with BlobNotFound when its blob is gone. */
export async function readJson(blobs: Pick<BlobStore, "read">, { inline, blob }: KeptJson): Promise<unknown> {
  return blob === null ? inline : JSON.parse(await text(await blobs.read(blob)));
}
