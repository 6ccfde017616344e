import { PermanentError } from "#core/errors.ts";
import { covers, type FontFamily } from "./font-coverage.ts";

/**
 * Which font draws which character, and which text is refused. pdfkit draws a character that its font lacks as an empty box
 * or as another character, without an error (facts/domain.md, finding 4); so every text is checked before it is drawn.
 */

/** Why a text cannot be printed right. `character` is written U+XXXX. */
export interface TextProblem {
  readonly code: TextProblemCode;
  readonly character: string;
  readonly message: string;
}
export type TextProblemCode =
  | "glyph_missing"
  | "right_to_left_text"
  | "invisible_character"
  | "control_character"
  | "malformed_unicode"
  | "stacked_marks";

/** A character that no embedded font has. Found at the door as a rejected field; in a render thread, as this. */
export class GlyphMissing extends PermanentError {
  readonly code = "glyph_missing";

  constructor(path: string, character: string) {
    super(`Expected text that the embedded fonts can draw, found ${character} at "${path}"`, { path, character });
  }
}

const maxMarks = 8; // on one base letter; written Hindi needs 4. More is decoration that would run over other rows
const plain = /^[\u0020-\u007E\u00A0-\u00AC\u00AE-\u02FF\u2013\u2014\u2018-\u201E\u2022\u2026\u20AC\u20B9]*$/; // all in latin
const devanagariScript = /\p{Script=Devanagari}/u;
const anyScript = /[\p{Script=Common}\p{Script=Inherited}]/u;
const ignorable = /\p{Default_Ignorable_Code_Point}/u;
const mark = /\p{M}/u;

/** The first thing in a text that cannot be printed right; undefined when all of it can. Line feeds are the caller's matter. */
export function findTextProblem(text: string): TextProblem | undefined {
  if (plain.test(text)) return undefined;
  let previous = "";
  let marks = 0;
  for (const character of text) {
    marks = mark.test(character) ? marks + 1 : 0;
    if (character !== "\n") {
      const code = marks > maxMarks ? "stacked_marks" : problemOf(character, previous);
      if (code) return describe(code, character);
    }
    previous = character;
  }
  return undefined;
}

/**
 * The family that draws a character standing after text of the family `current`. Punctuation, digits, spaces and
 * combining marks stay in the run they stand in as long as its font has them. Undefined when no font has the character.
 */
export function familyFor(character: string, current: FontFamily): FontFamily | undefined {
  const codePoint = character.codePointAt(0)!;
  if (devanagariScript.test(character)) return covers("devanagari", codePoint) ? "devanagari" : undefined;
  const first = anyScript.test(character) ? current : "latin";
  const second = first === "latin" ? "devanagari" : "latin";
  if (covers(first, codePoint)) return first;
  return covers(second, codePoint) ? second : undefined;
}

/** Whether all of a text is drawn by the Latin family: the common case, answered by one regular expression. */
export function isPlain(text: string): boolean {
  return plain.test(text);
}

function problemOf(character: string, previous: string): TextProblemCode | undefined {
  const codePoint = character.codePointAt(0)!;
  if (codePoint >= 0xd800 && codePoint <= 0xdfff) return "malformed_unicode"; // half of a surrogate pair
  if (codePoint < 0x20 || (codePoint >= 0x7f && codePoint < 0xa0) || codePoint === 0x2028 || codePoint === 0x2029) {
    return "control_character";
  }
  if (isRightToLeft(codePoint)) return "right_to_left_text";
  if (codePoint === 0x200c || codePoint === 0x200d) {
    return devanagariScript.test(previous) ? undefined : "invisible_character"; // ZWNJ and ZWJ shape Devanagari
  }
  if (ignorable.test(character)) return "invisible_character"; // also zero-width space, soft hyphen, variation selectors
  return familyFor(character, "latin") ? undefined : "glyph_missing";
}

/** Unicode's default bidi classes R and AL (DerivedBidiClass.txt, @missing lines), and the marks that change direction. */
function isRightToLeft(codePoint: number): boolean {
  return (
    (codePoint >= 0x0590 && codePoint <= 0x08ff) ||
    (codePoint >= 0xfb1d && codePoint <= 0xfdff) ||
    (codePoint >= 0xfe70 && codePoint <= 0xfefe) ||
    (codePoint >= 0x10800 && codePoint <= 0x10fff) ||
    (codePoint >= 0x1e800 && codePoint <= 0x1efff) ||
    codePoint === 0x200e ||
    codePoint === 0x200f ||
    (codePoint >= 0x202a && codePoint <= 0x202e) ||
    (codePoint >= 0x2066 && codePoint <= 0x2069)
  );
}

const explanations: Readonly<Record<TextProblemCode, string>> = {
  glyph_missing: "no embedded font has this character",
  right_to_left_text: "right-to-left text cannot be set in order yet",
  invisible_character: "invisible characters are not printed; remove it",
  control_character: "control characters are not printed; remove it",
  malformed_unicode: "half of a surrogate pair is not a character",
  stacked_marks: `more than ${maxMarks} combining marks on one letter run over their neighbours`,
};

function describe(code: TextProblemCode, character: string): TextProblem {
  const name = codePointName(character);
  return { code, character: name, message: `${name}: ${explanations[code]}` };
}

/** "₹" → "U+20B9" */
export function codePointName(character: string): string {
  return `U+${character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, "0")}`;
}
