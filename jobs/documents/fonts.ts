import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { create, type Font, type Glyph, type GlyphRun } from "fontkit";
import type { FontFamily } from "./font-coverage.ts";

/**
 * The embedded fonts, parsed once per thread when this module loads (≈ 25 ms) and shared by all documents.
 * pdfkit's documented `registerFont(name, path)` parses the file again per document, and per cell with `table()`
 * (facts/domain.md, finding 3): give it `face.font` instead.
 */
export interface Face {
  /** Key of the face within a document, as in `pdf.font(face.font, face.key)`. */
  readonly key: `${FontFamily}-${Weight}`;
  readonly font: Font;
  /** Width of a shaped text in thousandths of the font size. */
  widthOf(text: string): number;
}
export type Weight = "regular" | "bold";

const files = {
  "latin-regular": "@expo-google-fonts/noto-sans/400Regular/NotoSans_400Regular.ttf",
  "latin-bold": "@expo-google-fonts/noto-sans/700Bold/NotoSans_700Bold.ttf",
  "devanagari-regular": "@expo-google-fonts/noto-sans-devanagari/400Regular/NotoSansDevanagari_400Regular.ttf",
  "devanagari-bold": "@expo-google-fonts/noto-sans-devanagari/700Bold/NotoSansDevanagari_700Bold.ttf",
} as const;

const amount = /^[0-9₹.,%−]{2,}$/; // in Noto Sans these neither kern nor join: digits are tabular
const remembered = { characters: 50_000, longest: 256 }; // per generation and face; ≈ 300 bytes a character

const faces = new Map(Object.entries(files).map(([key, file]) => [key, open(key as Face["key"], file)]));

/** The face that draws a family in a weight. */
export function face(family: FontFamily, weight: Weight): Face {
  return faces.get(`${family}-${weight}`)!;
}

function open(key: Face["key"], file: string): Face {
  const font = create(readFileSync(fileURLToPath(import.meta.resolve(file))));
  // pdfkit scales cached positions in place by 1000 / unitsPerEm: shared runs are only safe when that is 1.
  if (font.unitsPerEm !== 1000) throw new RangeError(`Expected ${file} to have 1000 units per em`);
  freeGlyphsOfHistory(font);
  remember(font);
  font.layout(key.startsWith("latin") ? "Warm ₹ fi" : "क्षत्रिय"); // decodes the shaping tables now, not in the first job
  return { key, font, widthOf: (text) => font.layout(text).advanceWidth };
}

/**
 * fontkit keeps one object per glyph with the characters of whoever asked first (foliojs/fontkit#154): after one document
 * used a no-break space, the spaces of the next would be copied out as no-break spaces, and equal inputs would give unequal
 * bytes. Here each use gets an object of its own, which inherits the metrics of the shared one.
 */
function freeGlyphsOfHistory(font: Font): void {
  const shared = font.getGlyph.bind(font);
  font.getGlyph = (id, codePoints = []) => {
    const glyph: Glyph | null = shared(id);
    if (!glyph) return glyph;
    glyph.advanceWidth; // measured once, on the shared object
    return Object.create(glyph, { codePoints: { value: codePoints, writable: true } });
  };
}

/** A run put together from the runs of its characters: half of an invoice is numbers that come only once. */
function compose(text: string, shape: (text: string) => GlyphRun): GlyphRun {
  const parts = Array.from(text, (character) => shape(character));
  return {
    glyphs: parts.flatMap((part) => part.glyphs),
    positions: parts.flatMap((part) => part.positions),
    advanceWidth: parts.reduce((width, part) => width + part.advanceWidth, 0),
  };
}

/**
 * Shaping is the larger part of drawing text (0.1 ms a word, 0.4 in Devanagari) and the same words come again: keep the
 * runs of short texts. Two generations, so that what is used often outlives what is used once.
 */
function remember(font: Font): void {
  const shape = font.layout.bind(font);
  let young = new Map<string, GlyphRun>();
  let old = young;
  let characters = 0;
  font.layout = (text, features) => {
    if (features || text.length > remembered.longest) return shape(text, features);
    let run = young.get(text);
    if (run) return run;
    run = old.get(text) ?? (amount.test(text) ? compose(text, font.layout) : shape(text));
    if (characters > remembered.characters) {
      old = young;
      young = new Map();
      characters = 0;
    }
    young.set(text, run);
    characters += text.length;
    return run;
  };
}
