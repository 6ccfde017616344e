import assert from "node:assert/strict";
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { test } from "vitest";
import { catalog } from "../../src/catalog.ts";
import type { JobView } from "../../src/ledger/job-reader.ts";
import { type Rig, startRig, tenant } from "../rig/rig.ts";

const generate = catalog.get("documents.generate");
const verify = catalog.get("operations.verify-documents");
const companyId = "0193a1de-7a53-7cc1-9d6e-2f1f3a5b7c90";

const certificate = (number: string) => ({
  templateId: "compliance-certificate",
  companyId,
  userInputs: inputs(number),
});

async function fixture(): Promise<Record<string, unknown>> {
  const { fixtures } = await import("../../jobs/documents/templates/compliance-certificate/fixtures.ts");
  const rendered = fixtures.find((one) => one.expected.outcome === "rendered" && one.locale !== "hi-IN");
  return rendered!.userInputs as Record<string, unknown>;
}
const sample = await fixture();
const inputs = (certificateNumber: string) => ({ ...sample, certificateNumber });

async function generated(rig: Rig, payload: unknown) {
  const { id } = await rig.runtime.producer.enqueue(tenant, generate, payload);
  return rig.settled(id);
}

function blobFile(rig: Rig, job: JobView): string {
  const { sha256 } = job.result as { sha256: string };
  return join(rig.blobDir, sha256.slice(0, 2), sha256.slice(2, 4), sha256);
}

test("a document is stored once per job; the same inputs are the same bytes; a documentId adds a version", async () => {
  await using rig = await startRig({ jobs: catalog.jobs, queues: catalog.queues });
  await rig.work();
  const first = await generated(rig, certificate("CC-2026-1"));
  assert.equal(first.state, "completed", JSON.stringify(first.error));
  const result = first.result as { documentId: string; version: number; sha256: string; sizeBytes: number };
  assert.equal(result.documentId, first.id);
  assert.equal(result.version, 1);

  const again = await generated(rig, { ...certificate("CC-2026-1"), documentId: result.documentId });
  assert.deepEqual(again.result, { ...(first.result as object), version: 2 });

  const bytes = await buffer(await rig.runtime.services.blobs.read(result.sha256));
  assert.equal(bytes.byteLength, result.sizeBytes);
  assert.equal(bytes.subarray(0, 5).toString(), "%PDF-");
});

test("verification reads every document back and names what is missing or changed", async () => {
  await using rig = await startRig({ jobs: catalog.jobs, queues: catalog.queues });
  await rig.work();
  const kept = await generated(rig, certificate("CC-2026-1"));
  const lost = await generated(rig, certificate("CC-2026-2"));
  const check = async () => {
    const { id } = await rig.runtime.producer.enqueue(tenant, verify, {});
    return (await rig.settled(id)).result;
  };
  assert.deepEqual(await check(), { checked: 2, missing: [], corrupt: [] });
  await rm(blobFile(rig, lost));
  assert.deepEqual(await check(), { checked: 2, missing: [`${lost.id}/1`], corrupt: [] });
  await writeFile(blobFile(rig, kept), "not what was stored");
  assert.deepEqual(await check(), { checked: 2, missing: [`${lost.id}/1`], corrupt: [`${kept.id}/1`] });
});

test("text that no embedded font can draw ends the job at once, named, without another attempt", async () => {
  await using rig = await startRig({ jobs: catalog.jobs, queues: catalog.queues, rowsByHand: true });
  await rig.work();
  // Past the door on purpose, as a job of an older release might be.
  const { id } = await rig.runtime.producer.enqueue(tenant, generate, certificate("CC-2026-3"));
  await rig.settled(id);
  const bad = JSON.stringify({
    ...certificate("CC-2026-4"),
    userInputs: { ...inputs("CC-2026-4"), companyName: "Acme 🎉" },
  });
  const row = await rig.runtime.database.executeSql(
    `insert into ${rig.schema}.jobs (id, tenant, job, queue, state, priority, payload, retry_attempts, run_at, relay_at)
     values (gen_random_uuid(), $1, $2, $3, 'accepted', 'normal', $4, 4, now(), now()) returning id`,
    [tenant, generate.name, generate.queue.name, bad],
  );
  const badId = row.rows[0]!.id as string;
  await rig.runtime.redis.dispatch(generate.queue, [
    { id: badId, job: generate.name, tenant, priority: "normal", attempts: 4, delayMs: 0, acceptedAt: Date.now() },
  ]);
  const view = await rig.settled(badId);
  assert.equal(view.state, "dead");
  assert.equal(view.attempts.length, 1, "a permanent error is not tried again");
});
