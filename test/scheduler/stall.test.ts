import assert from "node:assert/strict";
import { test } from "vitest";
import { Schedules } from "../../src/ledger/schedules.ts";
import { testJob } from "../rig/jobs.ts";
import { openStage } from "./stage.ts";

const job = testJob(async () => undefined);

/* Seen to fail without `idle_in_transaction_session_timeout`: the schedule is held for as long as the test waits. */
test("a scheduler that stands still in the middle of a transaction loses its schedules to another one", async () => {
  await using stage = await openStage([job]);
  await stage.put("held");
  await stage.setNext("held", Math.floor(Date.now() / 1_000) * 1_000);
  const { database } = stage.rig.runtime;
  const still = await database.pool.connect();
  still.on("error", () => undefined);
  await still.query("begin");
  const runner = { executeSql: (text: string, values?: unknown[]) => still.query(text, values) };
  const { due } = await new Schedules(stage.rig.schema).claimDue(runner, 10, [job.name], 0);
  assert.equal(due.length, 1);

  await stage.scheduler().start();
  assert.deepEqual(await stage.jobs("held"), []);
  await stage.rig.until(async () => (await stage.jobs("held")).length === 1);
  await assert.rejects(still.query("commit"));
  still.release(true);
});
