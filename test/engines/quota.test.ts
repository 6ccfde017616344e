import assert from "node:assert/strict";
import { test } from "vitest";
import { Quota } from "../../src/engines/quota.ts";

test("a quota lets the first of every second through, whatever was wanted in the second before", () => {
  let now = 5_900;
  const quota = new Quota(2, () => now);
  const take = (times: number) => Array.from({ length: times }, () => quota.take());
  assert.deepEqual(take(4), [true, true, false, false]);
  now = 5_999;
  assert.deepEqual(take(1), [false]);
  now = 6_000;
  assert.deepEqual(take(3), [true, true, false]);
  now = 9_000;
  assert.deepEqual(take(3), [true, true, false]);
});
