import assert from "node:assert/strict";
import { v7 as uuidv7 } from "uuid";
import { test } from "vitest";
import type { HandlerContext } from "../../src/core/handler.ts";
import { gate, testJob } from "../rig/jobs.ts";
import { type Rig, startRig, tenant } from "../rig/rig.ts";

/**
 * A worker that was stopped for longer than its lease and runs on: another claim takes its job while the handler of the
 * first is in the middle. Seen to fail: `hold`, `settle` and `Steps.save` without their `lease = …` conditions.
 */
async function withStaleWorker(
  work: (rig: Rig, stale: HandlerContext, takeOver: () => Promise<void>) => Promise<void>,
) {
  const begun = gate<HandlerContext>();
  const end = gate();
  const job = testJob(async (_payload, ctx) => {
    begun.open(ctx);
    await end.promise;
    return "of the stale attempt";
  });
  await using rig = await startRig({ jobs: [job] });
  await rig.work();
  const { id } = await rig.runtime.producer.enqueue(tenant, job, {});
  const stale = await begun.promise;
  await work(rig, stale, async () => {
    const started = await rig.runtime.ledger.start(id, "of another worker");
    assert.equal(started.kind, "started");
  });
  end.open();
  await rig.until(() => rig.lines.some((line) => line.event === "attempt.lost"));
  const view = await rig.runtime.reader.find(tenant, id);
  assert.equal(view?.state, "running", "the holder of the lease has not settled: nobody else can");
  assert.equal(view?.result, null);
}

test("a stale attempt's writes, steps and result are refused; the holder's are not", async () => {
  await withStaleWorker(async (rig, stale, takeOver) => {
    const table = `${rig.schema}.effects`;
    await rig.runtime.database.executeSql(`create table ${table} (word text)`);
    const write = (word: string) => stale.commit((sql) => sql.executeSql(`insert into ${table} values ($1)`, [word]));
    await write("while it held the job");
    await stale.step("before", () => 1);
    await takeOver();
    await assert.rejects(write("after"), { code: "lease_lost" });
    await assert.rejects(
      stale.step("after", () => 2),
      { code: "lease_lost" },
    );
    const { rows } = await rig.runtime.database.executeSql(`select word from ${table}`);
    assert.deepEqual(rows, [{ word: "while it held the job" }]);
    const view = await rig.runtime.reader.find(tenant, stale.jobId);
    assert.deepEqual(
      view?.steps.map((step) => step.name),
      ["before"],
    );
  });
});

test("a take-over waits for a commit that is under way: it cannot slip in between", async () => {
  await withStaleWorker(async (rig, stale, takeOver) => {
    const inside = gate();
    const go = gate();
    let over = false;
    const commit = stale.commit(async () => {
      inside.open();
      await go.promise;
      assert.equal(over, false);
    });
    await inside.promise;
    const taking = takeOver().then(() => {
      over = true;
    });
    // The claim is waiting for the row: Postgres says so.
    await rig.until(async () => {
      const { rows } = await rig.runtime.database.executeSql(
        `select 1 from pg_stat_activity where wait_event_type = 'Lock' and query like '%' || $1 || '%'`,
        [`${rig.schema}.jobs`],
      );
      return rows.length > 0;
    });
    go.open();
    await commit;
    await taking;
  });
});

test("a stale attempt cannot add a version of its document", async () => {
  await withStaleWorker(async (rig, stale, takeOver) => {
    await takeOver();
    const { documents } = rig.runtime.services;
    const documentId = uuidv7();
    const adding = stale.commit((sql) =>
      documents.addVersion(
        {
          tenant,
          documentId,
          companyId: uuidv7(),
          jobId: stale.jobId,
          templateId: "tax-invoice",
          templateVersion: 1,
          locale: "en-IN",
          sha256: "a".repeat(64),
          sizeBytes: 1,
          pageCount: 1,
          contentType: "application/pdf",
          fileName: "x.pdf",
        },
        sql,
      ),
    );
    await assert.rejects(adding, { code: "lease_lost" });
    assert.equal(await documents.find(tenant, documentId), null);
  });
});
