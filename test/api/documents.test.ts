import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { afterAll, beforeAll, test } from "vitest";
import { contentDisposition } from "../../src/api/content-disposition.ts";
import { testJob } from "../rig/jobs.ts";
import { tenant } from "../rig/rig.ts";
import { type Served, serve } from "./served.ts";

const documentId = "0193a1de-7a53-7cc1-9d6e-2f1f3a5b7c90";
const bytes = randomBytes(100_000);
const sha256 = createHash("sha256").update(bytes).digest("hex");
const content = `/v1/documents/${documentId}/versions/1/content`;

let api: Served;
beforeAll(async () => {
  api = await serve({ jobs: [testJob(async () => null)] });
  const { blobs, documents } = api.rig.runtime.services;
  for (const [index, part] of [bytes, Buffer.from("second")].entries())
    await documents.addVersion({
      tenant,
      documentId,
      companyId: "0193a1de-7a53-7cc1-9d6e-2f1f3a5b7c91",
      jobId: `0193a1de-7a53-7cc1-9d6e-2f1f3a5b700${index}`,
      templateId: "tax-invoice",
      templateVersion: 1,
      locale: "en-IN",
      pageCount: 1,
      contentType: "application/pdf",
      fileName: "चालान №7.pdf",
      ...(await blobs.put(part)),
    });
});
afterAll(() => api[Symbol.asyncDispose]());

const get = async (headers: Record<string, string> = {}, path = content, method = "GET") => {
  const response = await api.fetch(path, { headers, method });
  return { status: response.status, headers: response.headers, bytes: Buffer.from(await response.arrayBuffer()) };
};

test("a document leads to its versions, and a version to its content", async () => {
  const document = await api.ask(`/v1/documents/${documentId}`, { key: api.key.viewer });
  assert.equal(document.status, 200);
  assert.equal(document.body.latestVersion, 2);
  const versions = await api.ask(document.body.links.versions);
  assert.deepEqual(
    versions.body.items.map(({ version }: { version: number }) => version),
    [1, 2],
  );
  const first = await api.ask(versions.body.items[0].links.self);
  assert.deepEqual([first.body.sha256, first.body.sizeBytes], [sha256, bytes.length]);
  assert.equal((await api.ask(document.body.links.latest)).body.version, 2);
  assert.equal((await get({}, document.body.links.content)).bytes.toString(), "second");
});

test("the content comes whole, under its own name, and cannot act as a page", async () => {
  const answer = await get();
  assert.equal(answer.status, 200);
  assert.deepEqual(answer.bytes, bytes);
  assert.equal(answer.headers.get("content-type"), "application/pdf");
  assert.equal(answer.headers.get("content-length"), String(bytes.length));
  assert.equal(answer.headers.get("etag"), `"${sha256}"`);
  assert.equal(answer.headers.get("accept-ranges"), "bytes");
  assert.equal(
    answer.headers.get("content-disposition"),
    `attachment; filename="___ No7.pdf"; filename*=UTF-8''${encodeURIComponent("चालान №7.pdf")}`,
  );
  assert.match(answer.headers.get("content-security-policy") ?? "", /^sandbox;/);
  assert.equal(answer.headers.get("x-content-type-options"), "nosniff");
  assert.equal(answer.headers.get("cache-control"), "private, max-age=31536000, immutable");
  assert.match((await get({}, `${content}?inline=true`)).headers.get("content-disposition") ?? "", /^inline;/);
});

test("HEAD tells all of that without the bytes", async () => {
  const answer = await get({}, content, "HEAD");
  assert.equal(answer.status, 200);
  assert.equal(answer.headers.get("content-length"), String(bytes.length));
  assert.equal(answer.headers.get("etag"), `"${sha256}"`);
  assert.equal(answer.bytes.length, 0);
});

test("whoever has the content is told 304", async () => {
  for (const header of [`"${sha256}"`, `W/"${sha256}"`, `"other", "${sha256}"`, "*"]) {
    const answer = await get({ "if-none-match": header });
    assert.deepEqual([header, answer.status, answer.bytes.length], [header, 304, 0]);
    assert.equal(answer.headers.get("etag"), `"${sha256}"`);
  }
  assert.equal((await get({ "if-none-match": '"other"' })).status, 200);
});

test("one range is served as 206", async () => {
  const size = bytes.length;
  for (const [range, start, end] of [
    ["bytes=0-0", 0, 0],
    ["bytes=0-1023", 0, 1_023],
    ["bytes=99000-", 99_000, size - 1],
    ["bytes=-10", size - 10, size - 1],
    ["bytes=99999-200000", size - 1, size - 1],
  ] as const) {
    const answer = await get({ range });
    assert.deepEqual([range, answer.status], [range, 206]);
    assert.equal(answer.headers.get("content-range"), `bytes ${start}-${end}/${size}`);
    assert.equal(answer.headers.get("content-length"), String(end - start + 1));
    assert.deepEqual(answer.bytes, bytes.subarray(start, end + 1));
  }
});

test("a range outside is 416 and says how long the content is", async () => {
  const { status, headers, body } = await api.ask(content, { headers: { range: "bytes=100000-" } });
  assert.deepEqual([status, body.code], [416, "range_not_satisfiable"]);
  assert.equal(headers.get("content-range"), `bytes */${bytes.length}`);
  assert.equal(headers.get("cache-control"), "no-store");
  assert.equal(headers.get("content-disposition"), null);
});

test("ranges that are none, several at once, or of another content are answered with all of it", async () => {
  for (const range of ["bytes=x-y", "lines=0-1", "bytes=0-1,5-6", "0-1"]) {
    const answer = await get({ range });
    assert.deepEqual([range, answer.status, answer.bytes.length], [range, 200, bytes.length]);
  }
  assert.equal((await get({ range: "bytes=0-1", "if-range": '"other"' })).status, 200);
  assert.equal((await get({ range: "bytes=0-1", "if-range": `"${sha256}"` })).status, 206);
});

test("what is not there, or is another tenant's, is 404 document_not_found", async () => {
  for (const path of [
    "/v1/documents/0193a1de-7a53-7cc1-9d6e-2f1f3a5b7cff",
    "/v1/documents/0193a1de-7a53-7cc1-9d6e-2f1f3a5b7cff/versions",
    "/v1/documents/invoice",
    `/v1/documents/${documentId}/versions/3`,
    `/v1/documents/${documentId}/versions/0`,
    `/v1/documents/${documentId}/versions/01`,
    `/v1/documents/${documentId}/versions/latest/content`,
    `/v1/documents/${documentId}/versions/99999999999/content`,
  ]) {
    const { status, body } = await api.ask(path);
    assert.deepEqual([path, status, body.code], [path, 404, "document_not_found"]);
  }
  for (const path of [`/v1/documents/${documentId}`, `/v1/documents/${documentId}/versions`, content])
    assert.equal((await api.ask(path, { key: api.key.stranger })).status, 404, path);
});

test("a key of all tenants must say whose document it means", async () => {
  const key = api.key.everyone;
  const none = await api.ask(content, { key });
  assert.deepEqual([none.status, none.body.code], [400, "tenant_required"]);
  assert.equal((await api.ask(content, { key, headers: { "nightshift-tenant": tenant } })).status, 200);
});

test("a reader that leaves in the middle harms nothing", async () => {
  const gone = new AbortController();
  const response = await api.fetch(content, { signal: gone.signal });
  gone.abort();
  await assert.rejects(response.arrayBuffer());
  assert.equal((await get()).bytes.length, bytes.length);
  assert.equal(
    api.rig.lines.some(({ level }) => level === "error"),
    false,
  );
});

test("a file name is safe in a header and on a disk, whatever it holds", () => {
  for (const [name, expected] of [
    ["INV-7.pdf", `attachment; filename="INV-7.pdf"; filename*=UTF-8''INV-7.pdf`],
    ['a"b\r\nX: y.pdf', `attachment; filename="a_b__X: y.pdf"; filename*=UTF-8''a%22b__X%3A%20y.pdf`],
    ["../../etc/passwd", `attachment; filename="__.._etc_passwd"; filename*=UTF-8''__.._etc_passwd`],
    ["été’s (1).pdf", `attachment; filename="ete_s (1).pdf"; filename*=UTF-8''%C3%A9t%C3%A9%E2%80%99s%20%281%29.pdf`],
    ["", `attachment; filename="download"; filename*=UTF-8''download`],
  ] as const)
    assert.equal(contentDisposition("attachment", name), expected);
  assert.doesNotThrow(() => new Headers({ a: contentDisposition("inline", "\ud800\u202e🧾%00.pdf") }));
});
