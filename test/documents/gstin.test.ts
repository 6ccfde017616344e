import assert from "node:assert/strict";
import fc from "fast-check";
import { test } from "vitest";
import { findGstState, placesOfSupply } from "#jobs/documents/gst-state.ts";
import { checkCharacter, gstinProblem } from "#jobs/documents/gstin.ts";

const valid = ["27AAPFU0939F1ZV", "29AAGCB7383J1Z4"]; // the example of issue 2

test("a registered person's number is accepted", () => {
  for (const gstin of valid) assert.equal(gstinProblem(gstin), undefined);
});

test("what is wrong with a number is said without repeating it", () => {
  const cases: ReadonlyArray<readonly [string, RegExp]> = [
    ["27AAPFU0939F1ZX", /check character/],
    ["27aapfu0939f1zv", /capital letters/],
    ["27AAPFU0939F1Z", /15 capital letters/],
    ["", /15 capital letters/],
    ["40AAPFU0939F1ZV", /state code/],
    ["00AAPFU0939F1ZV", /state code/],
  ];
  for (const [gstin, problem] of cases) assert.match(gstinProblem(gstin) ?? "", problem, gstin);
});

test("any one character typed wrong is found", () => {
  const characters = [..."0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"];
  const position = fc.integer({ min: 0, max: 14 });
  fc.assert(
    fc.property(fc.constantFrom(...valid), position, fc.constantFrom(...characters), (gstin, position, typed) => {
      const mistyped = gstin.slice(0, position) + typed + gstin.slice(position + 1);
      if (mistyped !== gstin) assert.notEqual(mistyped.at(-1), checkCharacter(mistyped));
    }),
  );
});

test("places of supply are the 37 codes in use, without replaced ones and jurisdictions", () => {
  assert.equal(placesOfSupply.length, 37); // 01–38 less 25 and 28, and 97
  for (const code of ["25", "28", "39", "96", "98", "99", "1", "toString", ""])
    assert.ok(!placesOfSupply.includes(code), code);
  for (const code of placesOfSupply) assert.ok(findGstState(code)?.name);
});

test("a union territory without legislature levies UTGST", () => {
  const levies = Object.fromEntries(["04", "07", "29", "34", "38"].map((code) => [code, findGstState(code)?.levy]));
  assert.deepEqual(levies, { "04": "UTGST", "07": "SGST", "29": "SGST", "34": "SGST", "38": "UTGST" });
  assert.equal(findGstState("28")?.replacedBy, "37");
});
