import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { test } from "vitest";
import { createBlobStore } from "../../src/services/blob-url.ts";
import { BlobNotFound, FileBlobStore } from "../../src/services/file-blob-store.ts";

async function inFolder(work: (store: FileBlobStore, root: string) => Promise<void>): Promise<void> {
  const root = await mkdtemp(join(tmpdir(), "nightshift-blobs-"));
  try {
    await work(new FileBlobStore(root), root);
  } finally {
    await rm(root, { recursive: true });
  }
}

const filesIn = async (root: string) =>
  (await readdir(root, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile());

test("bytes come back by their hash, whole or in part", async () => {
  await inFolder(async (store) => {
    const bytes = randomBytes(10_000);
    const { sha256, sizeBytes } = await store.put(bytes);
    assert.equal(sha256, createHash("sha256").update(bytes).digest("hex"));
    assert.equal(sizeBytes, bytes.byteLength);
    assert.deepEqual(await buffer(await store.read(sha256)), bytes);
    assert.deepEqual(await buffer(await store.read(sha256, { start: 10, end: 19 })), bytes.subarray(10, 20));
  });
});

test("the same bytes are stored once, also by writers at the same time, and only their owner may read them", async () => {
  await inFolder(async (store, root) => {
    const bytes = randomBytes(50_000);
    await Promise.all(Array.from({ length: 8 }, () => store.put(bytes)));
    const files = await filesIn(root);
    assert.equal(files.length, 1, "and no part of a write is left");
    const { mode } = await stat(join(files[0]!.parentPath, files[0]!.name));
    assert.equal(mode & 0o077, 0);
  });
});

test("a hash that is not there is said so; a name that is no hash cannot leave the folder", async () => {
  await inFolder(async (store) => {
    await assert.rejects(store.read("0".repeat(64)), BlobNotFound);
    await assert.rejects(store.read("../../etc/passwd"), RangeError);
    await assert.rejects(store.has("A".repeat(64)), RangeError);
  });
});

test("the store's URL decides its kind", () => {
  assert.ok(createBlobStore("file:/var/lib/blobs") instanceof FileBlobStore);
  assert.throws(() => createBlobStore("ftp://host/x"), /BLOB_URL/);
});
