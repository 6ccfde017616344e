import assert from "node:assert/strict";
import fc from "fast-check";
import { test } from "vitest";
import { maxPaise } from "#jobs/documents/money.ts";
import { formatRupees, inWords, rupeesInWords } from "#jobs/documents/rupees.ts";

test("rupees are grouped as India groups them", () => {
  const cases: ReadonlyArray<readonly [number, string]> = [
    [0, "₹0.00"],
    [5, "₹0.05"],
    [99_999, "₹999.99"],
    [100_000, "₹1,000.00"],
    [14_995_075, "₹1,49,950.75"],
    [1_000_000_000, "₹1,00,00,000.00"],
    [maxPaise, "₹99,99,99,99,999.99"],
    [11, "₹0.11"],
    [-39, "−₹0.39"],
  ];
  for (const [paise, text] of cases) assert.equal(formatRupees(paise), text);
});

test("a formatted amount reads back as itself", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: maxPaise }), (paise) => {
      const text = formatRupees(paise);
      assert.match(text, /^₹(\d{1,2},)*(\d{1,3})(,\d{3})?\.\d{2}$/);
      assert.equal(Number(text.replaceAll(/[₹,.]/g, "")), paise);
    }),
  );
});

test("amounts are said in lakh and crore, with paise only when there are some", () => {
  const cases: ReadonlyArray<readonly [number, string]> = [
    [0, "Rupees Zero Only"],
    [100, "Rupees One Only"],
    [1_950, "Rupees Nineteen and Fifty Paise Only"],
    [18_136_700, "Rupees One Lakh Eighty One Thousand Three Hundred Sixty Seven Only"],
    [1_000_000_007, "Rupees One Crore and Seven Paise Only"],
    [
      1_234_567_890_12,
      "Rupees One Hundred Twenty Three Crore Forty Five Lakh Sixty Seven Thousand Eight Hundred Ninety and Twelve Paise Only",
    ],
  ];
  for (const [paise, words] of cases) assert.equal(rupeesInWords(paise), words);
});

test("a number in words means that number", () => {
  const whole = fc.oneof(fc.integer({ min: 0, max: 2_000 }), fc.integer({ min: 0, max: maxPaise }));
  fc.assert(fc.property(whole, (whole) => assert.equal(readWords(inWords(whole)), whole)));
});

/** The inverse of `inWords`, by the grammar of the language instead of by its table of scales. */
function readWords(words: string): number {
  const crores = words.lastIndexOf(" Crore");
  if (crores >= 0) return readWords(words.slice(0, crores)) * 10_000_000 + readWords(words.slice(crores + 6).trim());
  let total = 0;
  let pending = 0;
  for (const word of words.split(" ").filter(Boolean)) {
    if (word === "Hundred") pending *= 100;
    else if (word === "Thousand" || word === "Lakh") {
      total += pending * (word === "Lakh" ? 100_000 : 1_000);
      pending = 0;
    } else pending += values.get(word) ?? Number.NaN;
  }
  return total + pending;
}

const values = new Map([
  ...["Zero", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine"].map((w, n) => [w, n] as const),
  ...["Ten", "Eleven", "Twelve", "Thirteen", "Fourteen", "Fifteen", "Sixteen"].map((w, n) => [w, 10 + n] as const),
  ...["Seventeen", "Eighteen", "Nineteen"].map((w, n) => [w, 17 + n] as const),
  ...["Twenty", "Thirty", "Forty", "Fifty"].map((w, n) => [w, 20 + 10 * n] as const),
  ...["Sixty", "Seventy", "Eighty", "Ninety"].map((w, n) => [w, 60 + 10 * n] as const),
]);
