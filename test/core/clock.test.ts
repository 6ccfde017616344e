import assert from "node:assert/strict";
import { test } from "vitest";
import { ManualClock, systemClock } from "../../src/core/clock.ts";
import { days, hours, minutes, seconds } from "../../src/core/duration.ts";

test("durations are milliseconds, whatever unit they are written in", () => {
  assert.deepEqual([seconds(1), minutes(1), hours(1), days(1)], [1_000, 60_000, 3_600_000, 86_400_000]);
  assert.equal(seconds(0.25), 250);
});

test("a clock set by hand stands still until it is moved", () => {
  const clock = new ManualClock("2026-03-29T00:59:59Z");
  const start = clock.now();
  assert.equal(clock.now(), start);
  clock.advance(seconds(1));
  assert.equal(new Date(clock.now()).toISOString(), "2026-03-29T01:00:00.000Z");
  assert.equal(new ManualClock(5).now(), 5);
});

test("the clock of the system is the system's", () => {
  const before = Date.now();
  const now = systemClock.now();
  assert.ok(now >= before && now <= Date.now());
});
