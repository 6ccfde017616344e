import { createHash, randomBytes } from "node:crypto";
import { createReadStream } from "node:fs";
import { access, mkdir, open, readdir, rename, rm, stat, utimes } from "node:fs/promises";
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
    if (!(await touched(path))) {
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

  async *pages(size: number): AsyncIterable<readonly string[]> {
    let page: string[] = [];
    for await (const name of this.#names()) {
      page.push(name);
      if (page.length < size) continue;
      yield page;
      page = [];
    }
    if (page.length > 0) yield page;
  }

  /**
   * A writer of the same bytes touches the file instead of writing it. So the file is moved aside first and looked at then:
   * touched before the move, it goes back; afterwards, the writer finds none and writes its own.
   */
  async collect(sha256: string, unusedSince: Date): Promise<boolean> {
    const path = this.#path(sha256);
    const aside = `${path}.${randomBytes(6).toString("hex")}.part`;
    try {
      if ((await stat(path)).mtime > unusedSince) return false;
      await rename(path, aside);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return false;
      throw error;
    }
    if ((await stat(aside)).mtime > unusedSince) {
      await rename(aside, path);
      return false;
    }
    await rm(aside);
    return true;
  }

  /** Hashes, folder by folder, so that memory stays flat however many there are. */
  async *#names(): AsyncIterable<string> {
    for (const first of await namesIn(this.#root))
      for (const second of await namesIn(join(this.#root, first)))
        for (const name of await namesIn(join(this.#root, first, second))) if (sha256Pattern.test(name)) yield name;
  }

  /** Throws a RangeError for anything but a hash, so that no name can leave the root. */
  #path(sha256: string): string {
    if (!sha256Pattern.test(sha256)) throw new RangeError("Expected a SHA-256 in lower-case hex");
    return join(this.#root, sha256.slice(0, 2), sha256.slice(2, 4), sha256);
  }
}

/** Mark the file as used now. `false`: there is none. */
async function touched(path: string): Promise<boolean> {
  const now = new Date();
  return utimes(path, now, now).then(
    () => true,
    () => false,
  );
}

async function namesIn(folder: string): Promise<string[]> {
  return readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT" || error.code === "ENOTDIR") return [];
    throw error;
  });
}
