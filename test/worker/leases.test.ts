import assert from "node:assert/strict";
import { test } from "vitest";
import { gate, testJob, testQueue, untilAborted } from "../rig/jobs.ts";
import { startRig, tenant } from "../rig/rig.ts";

const queue = testQueue({ leaseMs: 1_000 });

/* Seen to fail with the LeaseKeeper's timer never started: the lease stays where `start` put it, and nothing is interrupted. */

test("the ledger's lease of a running job is renewed for as long as it runs, and gone when it has ended", async () => {
  const finish = gate();
  const job = testJob(() => finish.promise, { queue });
  await using rig = await startRig({ jobs: [job] });
  await rig.work();
  const { id } = await rig.runtime.producer.enqueue(tenant, job, {});
  const lease = async () =>
    (
      await rig.runtime.database.executeSql(
        `select state, lease_until, lease_until - started_at > interval '2.5 seconds' as renewed,
                lease_until > now() as lives from ${rig.schema}.jobs where id = $1`,
        [id],
      )
    ).rows[0]!;
  await rig.until(async () => (await lease()).renewed);
  assert.equal((await lease()).lives, true);
  finish.open();
  await rig.settled(id);
  assert.equal((await lease()).lease_until, null);
});

test("an attempt whose job was taken over is told so within a third of a lease, and its end changes nothing", async () => {
  const begun = gate();
  const reasons: unknown[] = [];
  const job = testJob(
    async (_payload, ctx) => {
      begun.open();
      await untilAborted(ctx.signal).catch((reason) => reasons.push(reason.code));
      return "of the one that lost it";
    },
    { queue },
  );
  await using rig = await startRig({ jobs: [job] });
  await rig.work();
  const { id } = await rig.runtime.producer.enqueue(tenant, job, {});
  await begun.promise;
  await rig.runtime.ledger.start(id, "of another worker", 60_000); // BullMQ knows nothing of it: only the ledger can tell
  await rig.until(() => rig.ends.some(({ outcome }) => outcome === "lost"));
  assert.deepEqual(reasons, ["lease_lost"]);
  const view = await rig.runtime.reader.find(tenant, id);
  assert.deepEqual([view?.state, view?.result], ["running", null]);
});
