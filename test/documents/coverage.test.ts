import assert from "node:assert/strict";
import { test } from "vitest";
import { findTextProblem, type TextProblemCode } from "#jobs/documents/coverage.ts";
import { covers, type FontFamily } from "#jobs/documents/font-coverage.ts";
import { face, type Weight } from "#jobs/documents/fonts.ts";

test("the table of code points is that of the embedded fonts", () => {
  for (const family of ["latin", "devanagari"] satisfies FontFamily[]) {
    for (const weight of ["regular", "bold"] satisfies Weight[]) {
      const inFont = new Set(face(family, weight).font.characterSet);
      const different: string[] = [];
      for (let codePoint = 0; codePoint <= 0x1ffff; codePoint++) {
        if (covers(family, codePoint) !== inFont.has(codePoint)) different.push(codePoint.toString(16));
      }
      assert.deepEqual(different, [], `${family} ${weight}`);
    }
  }
});

test("text in the scripts of the fonts is accepted", () => {
  const texts = [
    "",
    "Plain ASCII 0-9 & <tags> \\ 'quotes'",
    "₹1,49,950.75 – “quoted” … • €",
    "crème brûlée, naïve, Łódź, e\u0301",
    "Ωμέγα, Щука, Ѩ",
    "हिन्दी में सेवा। क्‍ष क्‌ष श्री ₹५००",
    "two\nlines",
    "no-break\u00A0space",
  ];
  for (const text of texts) assert.equal(findTextProblem(text), undefined, text);
});

test("text that would print wrong is refused with its reason and the code point", () => {
  const cases: ReadonlyArray<readonly [text: string, code: TextProblemCode, character: string]> = [
    ["Party 🎉", "glyph_missing", "U+1F389"],
    ["漢字", "glyph_missing", "U+6F22"],
    ["தமிழ்", "glyph_missing", "U+0BA4"],
    ["\u{E000}", "glyph_missing", "U+E000"],
    ["a שלום", "right_to_left_text", "U+05E9"],
    ["مرحبا", "right_to_left_text", "U+0645"],
    ["x\u202Efdp", "right_to_left_text", "U+202E"],
    ["x\u200Fy", "right_to_left_text", "U+200F"],
    ["zero\u200Bwidth", "invisible_character", "U+200B"],
    ["soft\u00ADhyphen", "invisible_character", "U+00AD"],
    ["\uFEFFbom", "invisible_character", "U+FEFF"],
    ["a\u200Db", "invisible_character", "U+200D"],
    ["family 👨\u200D👩", "glyph_missing", "U+1F468"],
    ["text\uFE0F", "invisible_character", "U+FE0F"],
    ["tab\there", "control_character", "U+0009"],
    ["nul\u0000", "control_character", "U+0000"],
    ["line\u2028separator", "control_character", "U+2028"],
    ["half \uD83C", "malformed_unicode", "U+D83C"],
    [`Z${"\u0301".repeat(9)}algo`, "stacked_marks", "U+0301"],
  ];
  for (const [text, code, character] of cases) {
    const problem = findTextProblem(text);
    assert.deepEqual({ code: problem?.code, character: problem?.character }, { code, character }, JSON.stringify(text));
  }
});
