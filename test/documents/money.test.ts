import assert from "node:assert/strict";
import fc from "fast-check";
import { test } from "vitest";
import { halves, maxPaise, portion, portionWide, roundToRupee, sum } from "#jobs/documents/money.ts";
import { parseQuantity } from "#jobs/documents/quantity.ts";

const amount = fc.integer({ min: 0, max: maxPaise });

test("a portion is rounded half up to the paisa", () => {
  assert.equal(portion(14_995_075, 1800, 10_000), 2_699_114); // 26,991.135 → 26,991.14
  assert.equal(portion(1, 1, 2), 1);
  assert.equal(portion(1, 49, 100), 0);
  assert.equal(portion(12_345, 0, 1), 0);
});

test("a portion is never more than half a paisa from the exact value", () => {
  const factor = fc.integer({ min: 0, max: 1_000_000 });
  const denominator = fc.integer({ min: 1, max: 10_000 });
  fc.assert(
    fc.property(amount, factor, denominator, (amount, numerator, denominator) => {
      const error =
        2n * (portionWide(amount, numerator, denominator) * BigInt(denominator) - BigInt(amount) * BigInt(numerator));
      assert.ok(error > -BigInt(denominator) && error <= BigInt(denominator));
    }),
  );
});

test("amounts outside the safe integers and negative ones are refused, not rounded", () => {
  assert.throws(() => portion(Number.MAX_SAFE_INTEGER, 2, 1), RangeError);
  assert.throws(() => portion(-1, 1, 1), RangeError);
  assert.throws(() => sum([Number.MAX_SAFE_INTEGER, 1]), RangeError);
});

test("two halves add up to the whole, and the odd paisa is in the first", () => {
  fc.assert(
    fc.property(amount, (amount) => {
      const [first, second] = halves(amount);
      assert.equal(first + second, amount);
      assert.equal(first - second, amount % 2);
    }),
  );
});

test("an amount and its round off make whole rupees, half a rupee rising", () => {
  assert.deepEqual(roundToRupee(18_136_689), { rounded: 18_136_700, roundOff: 11 });
  assert.deepEqual(roundToRupee(150), { rounded: 200, roundOff: 50 });
  assert.deepEqual(roundToRupee(149), { rounded: 100, roundOff: -49 });
  fc.assert(
    fc.property(amount, (amount) => {
      const { rounded, roundOff } = roundToRupee(amount);
      assert.equal(rounded % 100, 0);
      assert.equal(amount + roundOff, rounded);
      assert.ok(roundOff >= -49 && roundOff <= 50);
    }),
  );
});

test("a quantity is read exactly, in thousandths", () => {
  const cases = { "3": 3000, "1.5": 1500, "0.125": 125, "0.001": 1, "999999999.999": 999_999_999_999, "0": 0 };
  for (const [text, thousandths] of Object.entries(cases)) assert.equal(parseQuantity(text), thousandths, text);
});

test("anything that is not a plain decimal is no quantity", () => {
  for (const text of [
    "",
    "-1",
    "+1",
    "1.",
    ".5",
    "01",
    "1.2345",
    "1e3",
    "1,000",
    " 1",
    "1 ",
    "٣",
    "NaN",
    "1234567890",
  ]) {
    assert.equal(parseQuantity(text), undefined, text);
  }
});
