import assert from "node:assert/strict";
import { inject, test } from "vitest";
import { prove } from "../../scripts/schedules/prove.ts";

/*
 * `npm run schedules -- --prove` does it with 1,000 schedules for 60 s. Seen to fail with the lock of due rows and the uniqueness of
 * recorded ticks taken away: 3,600 jobs for 2,000 ticks.
 */
test("200 schedules of each second, one scheduler killed and one stopped: each tick has exactly one job", async () => {
  const stores = { databaseUrl: inject("databaseUrl"), redisUrl: inject("redisUrl") };
  const proof = await prove({ ...stores, schedules: 200, seconds: 10 });
  console.log(`ticks ${proof.ticks}, jobs ${proof.jobs}, missing ${proof.missing}, double ${proof.double}`);
  assert.deepEqual([proof.ticks, proof.jobs, proof.missing, proof.double], [2_000, 2_000, 0, 0]);
});
