import assert from "node:assert/strict";
import { v7 as uuidv7 } from "uuid";
import { test } from "vitest";
import type { NewDocumentVersion } from "../../src/core/services.ts";
import { DocumentOfAnother } from "../../src/services/document-store.ts";
import { testJob } from "../rig/jobs.ts";
import { startRig, tenant } from "../rig/rig.ts";

const job = testJob(async () => undefined);

function version(overrides: Partial<NewDocumentVersion> = {}): NewDocumentVersion {
  return {
    tenant,
    documentId: uuidv7(),
    companyId: "0193a1de-7a53-7cc1-9d6e-2f1f3a5b7c90",
    jobId: uuidv7(),
    templateId: "tax-invoice",
    templateVersion: 1,
    locale: "en-IN",
    sha256: "a".repeat(64),
    sizeBytes: 1_000,
    pageCount: 1,
    contentType: "application/pdf",
    fileName: "invoice.pdf",
    ...overrides,
  };
}

test("versions of a document count up without gaps, also when many jobs add one at once", async () => {
  await using rig = await startRig({ jobs: [job] });
  const { documents } = rig.runtime.services;
  const documentId = uuidv7();
  const added = await Promise.all(Array.from({ length: 12 }, () => documents.addVersion(version({ documentId }))));
  assert.deepEqual(
    added.map((one) => one.version).sort((a, b) => a - b),
    Array.from({ length: 12 }, (_, index) => index + 1),
  );
  assert.equal((await documents.find(tenant, documentId))?.latestVersion, 12);
});

test("a job that is repeated gets the version it made, also when both attempts store at once", async () => {
  await using rig = await startRig({ jobs: [job] });
  const { documents } = rig.runtime.services;
  const one = version();
  const twice = await Promise.all([documents.addVersion(one), documents.addVersion(one)]);
  assert.deepEqual(
    twice.map((added) => added.version),
    [1, 1],
  );
  assert.equal((await documents.versions(tenant, one.documentId)).length, 1);
});

test("a document stays with its company, and is invisible to other tenants", async () => {
  await using rig = await startRig({ jobs: [job] });
  const { documents } = rig.runtime.services;
  const { documentId } = await documents.addVersion(version());
  const ofAnother = version({ documentId, companyId: "0193a1de-7a53-7cc1-9d6e-2f1f3a5b7c91" });
  await assert.rejects(documents.addVersion(ofAnother), DocumentOfAnother);
  assert.equal(await documents.find("other", documentId), null);
  assert.equal(await documents.version("other", documentId, 1), null);
});

test("all versions can be walked in pages", async () => {
  await using rig = await startRig({ jobs: [job] });
  const { documents } = rig.runtime.services;
  const documentId = uuidv7();
  for (let n = 0; n < 3; n += 1) await documents.addVersion(version({ documentId }));
  await documents.addVersion(version());
  await documents.addVersion(version({ tenant: "other" }));
  const seen = await Array.fromAsync(documents.storedSince(tenant, new Date(0), 2));
  assert.equal(seen.length, 4);
  assert.equal((await Array.fromAsync(documents.storedSince(null, new Date(0), 2))).length, 5, "of all tenants");
});
