/** The part of fontkit 2 that `fonts.ts` uses; the package ships no types. */
declare module "fontkit" {
  export interface Glyph {
    readonly id: number;
    readonly advanceWidth: number;
    codePoints: readonly number[];
  }

  export interface GlyphRun {
    readonly glyphs: readonly Glyph[];
    /** Advances and offsets of the glyphs, in font units. */
    readonly positions: readonly object[];
    readonly advanceWidth: number;
  }

  export interface Font {
    readonly unitsPerEm: number;
    readonly characterSet: readonly number[];
    getGlyph(id: number, codePoints?: readonly number[]): Glyph;
    layout(text: string, features?: unknown): GlyphRun;
  }

  export function create(data: Uint8Array): Font;
}
