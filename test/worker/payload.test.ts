import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "vitest";
import { z } from "zod";
import { canRead, defineJob } from "../../src/core/job.ts";
import { UnreadablePayloads } from "../../src/worker/host.ts";
import { testJob, testQueue } from "../rig/jobs.ts";
import { startRig, tenant } from "../rig/rig.ts";

const queue = testQueue();
const echo = async (payload: unknown) => payload as Record<string, unknown>;

/** Three releases of one job. */
const first = testJob(echo, { queue, payload: z.strictObject({ name: z.string() }) });
const second = defineJob({
  ...first,
  version: 2,
  payload: z.strictObject({ givenName: z.string(), familyName: z.string() }),
  upgrade: {
    1: ({ name }: { name: string }) => {
      const [givenName = "", familyName = ""] = name.split(" ");
      return { givenName, familyName };
    },
  },
});
const withoutWay = defineJob({ ...second, upgrade: {} });

test("a job that waits since the previous release is upgraded when it starts", async () => {
  await using rig = await startRig({ jobs: [second], queues: [queue] });
  const { id } = await rig.runtime.producer.enqueue(tenant, first, { name: "Asha Rao" });
  await rig.work();
  assert.deepEqual((await rig.settled(id)).result, { givenName: "Asha", familyName: "Rao" });
});

test("a worker refuses to serve a queue that holds versions it cannot read, and lists them", async () => {
  await using rig = await startRig({ jobs: [withoutWay], queues: [queue] });
  await rig.runtime.producer.enqueue(tenant, first, { name: "Asha Rao" });
  await assert.rejects(rig.work(), (error: UnreadablePayloads) => {
    assert.ok(error instanceof UnreadablePayloads);
    assert.match(error.message, /tests\.run version 1 \(1 open\)/);
    return true;
  });
});

test("a payload of a newer release is left to the newer worker, unspent", async () => {
  await using rig = await startRig({ jobs: [first], queues: [queue] });
  await rig.work(); // started before the newer release's first job
  const { id } = await rig.runtime.producer.enqueue(tenant, second, { givenName: "Asha", familyName: "Rao" });
  const view = await rig.until(async () => {
    const found = await rig.runtime.reader.find(tenant, id);
    return found?.state === "retrying" && found;
  });
  assert.deepEqual(
    view.attempts.map((attempt) => [attempt.outcome, attempt.error?.code]),
    [["snoozed", "payload_version_unknown"]],
  );
});

test("an upgrade for a version that cannot be is refused where it is declared", () => {
  assert.throws(
    () => defineJob({ ...first, version: 2, upgrade: { 2: (x: never) => x } }),
    /upgrades from versions 1 to 1/,
  );
  assert.throws(() => defineJob({ ...first, version: 0 }), /version/);
  assert.deepEqual(
    [canRead(second, 1), canRead(second, 2), canRead(second, 3), canRead(withoutWay, 1)],
    [true, true, false, false],
  );
});

test("a payload and a result above 64 KiB travel by their hash and come back whole", async () => {
  const job = testJob(async (payload) => ({ back: payload.text, length: (payload.text as string).length }));
  await using rig = await startRig({ jobs: [job] });
  await rig.work();
  const text = "₹".repeat(40_000); // 120,000 bytes
  const { id } = await rig.runtime.producer.enqueue(tenant, job, { text });
  const view = await rig.settled(id);
  assert.deepEqual(view.result, { back: text, length: text.length });
  const { rows } = await rig.runtime.database.executeSql(
    `select payload::text, payload_blob, result::text, result_blob from ${rig.schema}.jobs where id = $1`,
    [id],
  );
  const hash = createHash("sha256").update(JSON.stringify({ text })).digest("hex");
  assert.deepEqual([rows[0]!.payload, rows[0]!.payload_blob, rows[0]!.result], ["null", hash, null]);
  assert.ok(await rig.runtime.services.blobs.has(rows[0]!.result_blob));
});
