import { codePointName, familyFor, GlyphMissing, isPlain } from "./coverage.ts";
import type { FontFamily } from "./font-coverage.ts";
import { type Face, face, type Weight } from "./fonts.ts";

/**
 * From text to lines of runs. pdfkit's own wrapper knows one font at a time and lets a word that is wider than its column
 * run over the next one. Widths are in ems: multiply by the font size for points.
 */
export interface Run {
  readonly face: Face;
  readonly text: string;
  readonly width: number;
}
export interface Line {
  /** The whole line, as it is to be copied out of the document. */
  readonly text: string;
  readonly runs: readonly Run[];
  readonly width: number;
}

/** Longer words are broken grapheme by grapheme without being measured whole: shaping is not linear in every script. */
const longWord = 64;
/** UTF-16 units. No written syllable is longer; a chain of conjuncts without end is one grapheme by Unicode's rules. */
const longGrapheme = 24;
const graphemes = new Intl.Segmenter("en", { granularity: "grapheme" });

/** One line, not broken; no-break spaces, having done their work, become spaces. Throws `GlyphMissing` for a character that no embedded font has. */
export function setLine(text: string, weight: Weight): Line {
  const composed = text.normalize("NFC").replaceAll("\u00A0", " ");
  const runs = splitByFamily(composed).map(({ family, text }) => {
    const drawnBy = face(family, weight);
    return { face: drawnBy, text, width: measureRun(drawnBy, text) };
  });
  return { text: composed, runs, width: runs.reduce((width, run) => width + run.width, 0) };
}

/**
 * Lines of at most `maxWidth` ems, broken at line feeds and spaces. A word wider than a line is broken between graphemes, so
 * that a Devanagari syllable stays whole. A grapheme wider than the line stands alone on it.
 */
export function breakLines(text: string, weight: Weight, maxWidth: number): readonly Line[] {
  return text.split("\n").flatMap((paragraph) => breakParagraph(paragraph.normalize("NFC"), weight, maxWidth));
}

function breakParagraph(text: string, weight: Weight, maxWidth: number): readonly Line[] {
  const lines: Line[] = [];
  let current = "";
  let width = 0;
  const flush = () => {
    lines.push(setLine(current.trimEnd(), weight));
    current = "";
    width = 0;
  };
  for (const token of text.match(/[^ ]+ *| +/g) ?? []) {
    for (const piece of cut(token, weight, maxWidth)) {
      if (current !== "" && width + measure(piece.trimEnd(), weight) > maxWidth) flush();
      current += piece;
      width += measure(piece, weight);
    }
  }
  if (current !== "" || lines.length === 0) flush();
  return lines;
}

/** A word in pieces that each fit a line; usually the word itself. */
function cut(word: string, weight: Weight, maxWidth: number): readonly string[] {
  if (word.length <= longWord && measure(word.trimEnd(), weight) <= maxWidth) return [word];
  const pieces: string[] = [];
  let piece = "";
  let width = 0;
  for (const segment of segmentsOf(word)) {
    const segmentWidth = measure(segment, weight);
    if (piece !== "" && segment !== " " && width + segmentWidth > maxWidth) {
      pieces.push(piece);
      piece = "";
      width = 0;
    }
    piece += segment;
    width += segmentWidth;
  }
  pieces.push(piece);
  return pieces;
}

function* segmentsOf(word: string): Generator<string> {
  for (const { segment } of graphemes.segment(word)) {
    if (segment.length <= longGrapheme) yield segment;
    else yield* segment.match(/.{1,8}/gsu) ?? [];
  }
}

function measure(text: string, weight: Weight): number {
  return splitByFamily(text).reduce((width, run) => width + measureRun(face(run.family, weight), run.text), 0);
}

/** Word by word with its trailing space, because that is how pdfkit shapes. */
function measureRun(drawnBy: Face, text: string): number {
  let width = 0;
  for (const word of text.match(/[^ ]* |[^ ]+/g) ?? []) width += drawnBy.widthOf(word);
  return width / 1000;
}

function splitByFamily(text: string): ReadonlyArray<{ readonly family: FontFamily; readonly text: string }> {
  if (text === "") return [];
  if (isPlain(text)) return [{ family: "latin", text }];
  const runs: Array<{ family: FontFamily; text: string }> = [];
  let current: FontFamily = "latin";
  for (const character of text) {
    const family = familyFor(character, current);
    if (!family) throw new GlyphMissing("drawn text", codePointName(character));
    const last = runs.at(-1);
    if (last && family === current) last.text += character;
    else runs.push({ family, text: character });
    current = family;
  }
  return runs;
}
