import assert from "node:assert/strict";
import { test } from "vitest";
import { lastQuarter } from "../../../../scripts/demo/reminders/quarter.ts";

test.each([
  ["2026-11-20T16:00:00Z", "2026-07-01", "2026-10-01", 92],
  ["2026-01-01T00:00:00Z", "2025-10-01", "2026-01-01", 92],
  ["2028-04-30T23:59:59Z", "2028-01-01", "2028-04-01", 91],
])("at %s the last quarter is from %s until %s", (now, from, until, days) => {
  const quarter = lastQuarter(new Date(now));
  assert.deepEqual(quarter, { from: `${from}T00:00:00.000Z`, until: `${until}T00:00:00.000Z`, days });
});
