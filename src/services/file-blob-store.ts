import { createHash, randomBytes } from "node:crypto";
import { createReadStream } from "node:fs";
import { access, mkdir, open, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { NightshiftError } from "#core/errors.ts";
import type { BlobStore } from "#core/services.ts";

export class BlobNotFound extends NightshiftError {
  readonly code = "blob_not_found";

  constructor(sha256: string) {
    super("Expected the blob store to hold these bytes, it does not. Was its directory restored with the database?", {
      sha256,
    });
  }
}

const sha256Pattern = /^[0-9a-f]{64}$/;

/**
 * Blobs as files: `<root>/ab/cd/<sha256>`. A file appears under its name only when it is whole and on disk, so a crash
 * leaves at most a `.part` file, never half a blob. Two writers of the same bytes write the same file.
 */
export class FileBlobStore implements BlobStore {
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
  }

  async put(bytes: Uint8Array): Promise<{ sha256: string; sizeBytes: number }> {
    const sha256 = createHash("sha256").update(bytes).digest("hex");
    const path = this.#path(sha256);
    if (!(await this.has(sha256))) {
      await mkdir(join(path, ".."), { recursive: true, mode: 0o700 });
      const part = `${path}.${randomBytes(6).toString("hex")}.part`;
      try {
        const file = await open(part, "wx", 0o600);
        try {
          await file.writeFile(bytes);
          await file.sync();
        } finally {
          await file.close();
        }
        await rename(part, path);
      } catch (error) {
        await rm(part, { force: true });
        throw error;
      }
    }
    return { sha256, sizeBytes: bytes.byteLength };
  }

  async read(sha256: string, range?: { readonly start: number; readonly end: number }): Promise<Readable> {
    if (!(await this.has(sha256))) throw new BlobNotFound(sha256);
    return createReadStream(this.#path(sha256), range);
  }

  async has(sha256: string): Promise<boolean> {
    return access(this.#path(sha256)).then(
      () => true,
      () => false,
    );
  }

  /** Throws a RangeError for anything but a hash, so that no name can leave the root. */
  #path(sha256: string): string {
    if (!sha256Pattern.test(sha256)) throw new RangeError("Expected a SHA-256 in lower-case hex");
    return join(this.#root, sha256.slice(0, 2), sha256.slice(2, 4), sha256);
  }
}
