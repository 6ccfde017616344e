import assert from "node:assert/strict";
import { test } from "vitest";
import { openHouse } from "../rig/processes.ts";

/* Seen to fail with the sweeps taken out of `bin/scheduler.ts`: nothing is reconciled. */
test("a scheduler and a worker, left to themselves, reconcile ledger and engines", async () => {
  await using house = await openHouse();
  const worker = await house.start("worker");
  await house.start("scheduler");
  const line = await worker.logged("ledger.reconciled");
  assert.equal(line.job, "operations.reconcile");
}, 90_000);
