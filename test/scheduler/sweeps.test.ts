import assert from "node:assert/strict";
import { test } from "vitest";
import { ManualClock } from "../../src/core/clock.ts";
import { minutes } from "../../src/core/duration.ts";
import { houseTenant, Sweeps } from "../../src/scheduler/sweeps.ts";
import { testJob, testQueue } from "../rig/jobs.ts";
import { type Rig, startRig } from "../rig/rig.ts";

const job = testJob(async () => undefined, { queue: testQueue({ engine: "postgres" }) });
const sweep = { job, everyMs: minutes(1) };
const clock = () => new ManualClock("2026-11-20T10:00:30Z");
const sweeps = (rig: Rig, at: ManualClock) => new Sweeps({ ...rig.runtime, clock: at, sweeps: [sweep] });
const jobs = async ({ runtime }: Rig) => (await runtime.reader.list({ tenant: null, limit: 100 })).map(({ id }) => id);

/* Seen to fail with the claim of the tick taken out of the transaction: three schedulers then make three jobs. */

test("any number of schedulers make one job of a tick", async () => {
  await using rig = await startRig({ jobs: [job] });
  const at = clock();
  const all = [sweeps(rig, at), sweeps(rig, at), sweeps(rig, at)];
  for (const one of all) await one.start();
  const [id] = await rig.until(async () => {
    const found = await jobs(rig);
    return found.length > 0 && found;
  });
  for (const one of all) await one.stop();
  await rig.runtime.ledger.bury(id!, { code: "gone", message: "so that the next is not a duplicate of it" });
  assert.deepEqual(await Promise.all(all.map((one) => one.tick(sweep))), [false, false, false]);
  assert.deepEqual(await jobs(rig), [id]);

  at.advance(minutes(1));
  const made = await Promise.all(all.map((one) => one.tick(sweep)));
  assert.equal(made.filter(Boolean).length, 1);
  assert.equal((await jobs(rig)).length, 2);
});

test("a tick whose job before still lives joins it; ticks that nobody saw are not made up for", async () => {
  await using rig = await startRig({ jobs: [job] });
  const at = clock();
  const one = sweeps(rig, at);
  await one.tick(sweep);
  at.advance(minutes(7));
  await one.tick(sweep);
  assert.equal((await jobs(rig)).length, 1);
});

test("a job of the house belongs to no tenant", async () => {
  await using rig = await startRig({ jobs: [job] });
  await sweeps(rig, clock()).tick(sweep);
  assert.equal((await rig.runtime.reader.list({ tenant: "acme", limit: 1 })).length, 0);
  assert.equal((await rig.runtime.reader.list({ tenant: houseTenant, limit: 1 })).length, 1);
});

test("a database that is away is tried again, and stopping is safe at any time", async () => {
  await using rig = await startRig({ jobs: [job] });
  const one = sweeps(rig, clock());
  await one.stop();
  const other = sweeps(rig, clock());
  await rig.runtime.database.executeSql(`alter table ${rig.schema}.sweeps rename to hidden`);
  await other.start();
  await rig.until(() => rig.lines.some(({ event }) => event === "sweep.failed"));
  await rig.runtime.database.executeSql(`alter table ${rig.schema}.hidden rename to sweeps`);
  await rig.until(async () => (await jobs(rig)).length === 1);
  await Promise.all([other.stop(), other.stop()]);
});
