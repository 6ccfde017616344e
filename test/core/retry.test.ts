import assert from "node:assert/strict";
import { test } from "vitest";
import { minutes, seconds } from "../../src/core/duration.ts";
import { delayBefore, exponential, fixed, list, noRetry } from "../../src/core/retry.ts";

test("exponential doubles from the first delay up to the cap, and ends with the attempts", () => {
  const policy = exponential({ attempts: 6, firstMs: seconds(1), maxMs: seconds(6), jitter: 0 });
  assert.deepEqual(
    [1, 2, 3, 4, 5, 6, 7].map((spent) => delayBefore(policy, spent)),
    [1_000, 2_000, 4_000, 6_000, 6_000, null, null],
  );
});

test("jitter spreads a delay both ways, and never above the cap", () => {
  const policy = exponential({ attempts: 9, firstMs: 1_000, maxMs: minutes(1), jitter: 0.2 });
  assert.equal(
    delayBefore(policy, 1, () => 0),
    800,
  );
  assert.equal(
    delayBefore(policy, 1, () => 0.5),
    1_000,
  );
  assert.equal(
    delayBefore(policy, 1, () => 0.999_999),
    1_200,
  );
  assert.equal(
    delayBefore(policy, 8, () => 0.999_999),
    minutes(1),
  );
});

test("fixed, list and no retry", () => {
  assert.deepEqual(
    [1, 2, 3].map((spent) => delayBefore(fixed({ attempts: 3, delayMs: 5 }), spent)),
    [5, 5, null],
  );
  assert.deepEqual(
    [1, 2, 3].map((spent) => delayBefore(list([10, 70]), spent)),
    [10, 70, null],
  );
  assert.equal(delayBefore(noRetry, 1), null);
});

test("a policy that cannot work is refused where it is declared", () => {
  assert.throws(() => fixed({ attempts: 0, delayMs: 5 }), /attempts/);
  assert.throws(() => fixed({ attempts: 2.5, delayMs: 5 }), /attempts/);
  assert.throws(() => fixed({ attempts: 2, delayMs: -1 }), /delay/);
  assert.throws(() => list([1, Number.NaN]), /delay/);
  assert.throws(() => exponential({ attempts: 2, firstMs: 1, maxMs: 2, jitter: 1 }), /jitter/);
});
