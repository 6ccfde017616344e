import assert from "node:assert/strict";
import { afterAll, beforeAll, test } from "vitest";
import type { HandlerContext } from "../../src/core/handler.ts";
import { type ForgetfulPostgres, startForgetful } from "../rig/forgetful.ts";
import { gate, testJob, testQueue } from "../rig/jobs.ts";
import { type Rig, startRig, tenant } from "../rig/rig.ts";

/**
 * A start does not wait until it is on disk, so a Postgres that is killed may forget it while its handler runs on. These
 * tests have a Postgres of their own, which is made to. Seen to fail without `Attempt.regain` in the place that each test names.
 */
let postgres: ForgetfulPostgres;
beforeAll(async () => {
  postgres = await startForgetful();
});
afterAll(() => postgres.stop());

/** Run one job up to its handler's gate, let Postgres forget that it began, and go on. */
async function forgotten(
  handle: (ctx: HandlerContext) => Promise<unknown>,
  then: (rig: Rig, id: string, go: () => void) => Promise<void>,
  leaseMs = 60_000, // nothing is renewed meanwhile
): Promise<void> {
  const begun = gate();
  const go = gate();
  let runs = 0;
  const job = testJob(
    async (_payload, ctx) => {
      runs += 1;
      begun.open();
      await go.promise;
      return handle(ctx);
    },
    { queue: testQueue({ leaseMs }) },
  );
  await using rig = await startRig({ jobs: [job], databaseUrl: postgres.url });
  await rig.work();
  await postgres.hold(rig.runtime.database);
  const { id } = await rig.runtime.producer.enqueue(tenant, job, { n: 1 });
  await begun.promise;
  assert.equal((await rig.runtime.reader.find(tenant, id))?.state, "running");
  await postgres.forget(rig.runtime.database);
  const view = (await rig.runtime.reader.find(tenant, id))!;
  // Either nobody has noticed yet, or a renewal has.
  if (view.state === "running") assert.ok(restarted(rig), "Postgres has not forgotten the start: nothing is tested");
  else assert.deepEqual([view.state, view.attempts], ["accepted", []]);
  await then(rig, id, go.open);
  const settled = await rig.settled(id);
  assert.deepEqual(
    [settled.state, settled.attempts.map(({ number, outcome }) => [number, outcome]), runs],
    ["completed", [[1, "completed"]], 1],
  );
  assert.ok(restarted(rig));
}

const restarted = (rig: Rig) => rig.lines.some(({ event }) => event === "attempt.restarted");

test("its settle counts: the job is completed by the one attempt that ran", async () => {
  await forgotten(
    async () => "done",
    async (rig, id, go) => {
      go();
      assert.equal((await rig.settled(id)).result, "done");
    },
  );
});

test("its steps are kept", async () => {
  await forgotten(
    async (ctx) => {
      await ctx.step("first", () => 1);
      assert.equal((await ctx.step("second", () => 2)) + 1, 3);
    },
    async (rig, id, go) => {
      go();
      const { steps } = await rig.settled(id);
      assert.deepEqual(
        steps.map((step) => step.name),
        ["first", "second"],
      );
    },
  );
});

test("its steps are kept when two end at once, and both find that the start was forgotten", async () => {
  await forgotten(
    (ctx) => Promise.all([ctx.step("left", () => 1), ctx.step("right", () => 2)]),
    async (_rig, _id, go) => go(),
  );
});

test("its writes commit", async () => {
  await forgotten(
    (ctx) => ctx.commit(async (sql) => (await sql.executeSql("select 1 as one")).rows[0]!.one),
    async (_rig, _id, go) => go(),
  );
});

test("the next renewal takes its lease up again, long before it settles", async () => {
  await forgotten(
    async () => "done",
    async (rig, id, go) => {
      await rig.until(() => restarted(rig));
      assert.equal((await rig.runtime.reader.find(tenant, id))?.state, "running");
      go();
    },
    1_000,
  );
});

test("a job that got another payload meanwhile is not settled by the attempt that ran with the first", async () => {
  const begun = gate();
  const go = gate();
  const seen: unknown[] = [];
  const job = testJob(
    async (payload) => {
      seen.push(payload.n);
      begun.open();
      if (seen.length === 1) await go.promise;
      return payload.n;
    },
    { queue: testQueue({ leaseMs: 60_000 }) },
  );
  await using rig = await startRig({ jobs: [job], databaseUrl: postgres.url });
  await rig.work();
  const { id } = await rig.runtime.producer.enqueue(tenant, job, { n: 1 });
  await begun.promise;
  // What a forgotten start and a replacement (`deduplicateForMs`, mode replace) leave.
  await rig.runtime.database.executeSql(
    `update ${rig.schema}.jobs set state = 'queued', attempt = 0, lease = null, lease_until = null, payload = '{"n": 2}'
     where id = $1`,
    [id],
  );
  go.open();
  await rig.until(() => rig.lines.some(({ event }) => event === "attempt.lost"));
  const view = (await rig.runtime.reader.find(tenant, id))!;
  assert.deepEqual([view.state, view.result], ["queued", null]);
  assert.deepEqual(seen, [1]);
});
