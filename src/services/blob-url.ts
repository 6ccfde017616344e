import { fileURLToPath } from "node:url";
import type { BlobStore } from "#core/services.ts";
import { FileBlobStore } from "./file-blob-store.ts";

/** The blob store that `BLOB_URL` names: `file:/var/lib/nightshift/blobs`. Throws a RangeError for another scheme. */
export function createBlobStore(url: string): BlobStore {
  if (url.startsWith("file:///")) return new FileBlobStore(fileURLToPath(url));
  if (url.startsWith("file:")) return new FileBlobStore(url.slice("file:".length));
  throw new RangeError(`Expected BLOB_URL to begin with "file:", found "${url.split(":")[0]}:"`);
}
