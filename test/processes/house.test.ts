import assert from "node:assert/strict";
import pg from "pg";
import { test } from "vitest";
import { openHouse } from "../rig/processes.ts";

/* Seen to fail with the `Scheduler` taken out of `bin/scheduler.ts`: nothing is reconciled. */
test("a scheduler and a worker, left to themselves, reconcile ledger and engines", async () => {
  await using house = await openHouse();
  const worker = await house.start("worker");
  await house.start("scheduler");
  await nextTickNow(house.databaseUrl, "operations.reconcile"); // it would come by itself, within a minute
  const line = await worker.logged("ledger.reconciled");
  assert.equal(line.job, "operations.reconcile");
}, 90_000);

async function nextTickNow(databaseUrl: string, name: string): Promise<void> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  const due = "date_trunc('second', now())";
  await client.query(`update nightshift.schedules set next_tick = ${due}, next_due = ${due} where name = $1`, [name]);
  await client.query("select pg_notify('nightshift_schedules', '')");
  await client.end();
}
