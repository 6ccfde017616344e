import assert from "node:assert/strict";
import fc from "fast-check";
import { test } from "vitest";
import { GlyphMissing } from "#jobs/documents/coverage.ts";
import { face } from "#jobs/documents/fonts.ts";
import { breakLines, setLine } from "#jobs/documents/typeset.ts";

const textsOf = (text: string, width: number) => breakLines(text, "regular", width).map((line) => line.text);

test("lines break at spaces and line feeds", () => {
  assert.deepEqual(textsOf("one two three", 4.5), ["one two", "three"]);
  assert.deepEqual(textsOf("one\n\ntwo", 10), ["one", "", "two"]);
  assert.deepEqual(textsOf("", 10), [""]);
});

test("a word wider than the line is broken between graphemes, a Devanagari syllable never", () => {
  assert.deepEqual(textsOf("WWWWW", 2), ["WW", "WW", "W"]);
  for (const line of textsOf("क्षत्रियक्षत्रियक्षत्रिय", 2)) assert.match(line, /^(क्ष|त्रि|य)+$/u);
});

test("a grapheme without end is broken all the same", () => {
  const text = "क्".repeat(3_000);
  const lines = breakLines(text, "regular", 12);
  assert.ok(lines.every((line) => line.width <= 12.3));
  assert.equal(lines.map((line) => line.text).join(""), text);
});

test("no-break spaces hold a date together and are drawn as spaces", () => {
  assert.deepEqual(textsOf("on 5\u00A0November\u00A02026", 9), ["on", "5 November 2026"]);
});

test("no line is wider than asked, and no character is lost", () => {
  const alphabet = fc.constantFrom(
    ...["a", "W", "i", " ", " ", "-", "₹", "1", "é", "क", "क्ष", "ि", "ी", "Щ", "ffi", "AV"],
  );
  const text = fc.string({ unit: alphabet, maxLength: 120 });
  fc.assert(
    fc.property(text, fc.integer({ min: 3, max: 20 }), (text, width) => {
      const lines = breakLines(text, "regular", width);
      for (const line of lines) assert.ok(line.width <= width * 1.02, `${line.width} > ${width}: ${line.text}`);
      const kept = lines.map((line) => line.text).join("");
      assert.equal(kept.replaceAll(" ", ""), text.normalize("NFC").replaceAll(" ", ""));
    }),
  );
});

test("a font is chosen per run: punctuation and digits stay with their neighbours", () => {
  const runs = setLine("Total: कुल राशि 5, done", "bold").runs.map((run) => [run.face.key, run.text]);
  assert.deepEqual(runs, [
    ["latin-bold", "Total: "],
    ["devanagari-bold", "कुल राशि 5, "],
    ["latin-bold", "done"],
  ]);
});

test("a character without a glyph is an error that names it, never a box", () => {
  assert.throws(
    () => setLine("漢", "regular"),
    (error) => error instanceof GlyphMissing && error.permanent && error.details.character === "U+6F22",
  );
});

test("numbers put together from single digits are as wide as shaped ones", () => {
  const { font, widthOf } = face("latin", "regular");
  for (const text of ["₹1,49,950.75", "−₹0.39", "11.17", "7,74,711.41%"]) {
    assert.equal(widthOf(text), font.layout(text, { kern: true }).advanceWidth, text);
  }
});

test("what a glyph stands for does not depend on what was drawn before it", () => {
  const { font } = face("latin", "regular");
  font.layout("ça\u00A0\u00B5");
  const glyphs = font.layout("cedille c \u03BC").glyphs;
  assert.deepEqual(
    glyphs
      .flatMap((glyph) => glyph.codePoints)
      .map((c) => String.fromCodePoint(c))
      .join(""),
    "cedille c \u03BC",
  );
});
