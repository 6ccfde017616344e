import type { Face } from "./fonts.ts";

/**
 * Writes one run of glyphs into a page. `pdf.text()` is not used, for two reasons. It turns the page's coordinates over
 * around every text, so that poppler (pdftotext, evince) places the ActualText of a run as if mirrored, and mixes up the
 * lines of a Hindi page. And it writes nine content operations where one is enough: a fifth of the time of an invoice.
 *
 * Leans on three members of pdfkit 0.20.2 that its types do not show (`_font`, its `encode`, `page.fonts`); the version is
 * pinned, and test/documents reads the drawn text back.
 */
export function showText(
  pdf: PDFKit.PDFDocument,
  face: Face,
  text: string,
  at: { readonly x: number; readonly baseline: number; readonly size: number },
): void {
  const { x, baseline, size } = at;
  const inside = pdf as unknown as Inside;
  inside.font(face.font, face.key, size);
  const font = inside._font;
  inside.page.fonts[font.id] ??= font.ref();
  const [codes, positions] = font.encode(text);

  // pdfkit's pages count y downwards: the -1 sets the letters upright again.
  const move = (dx: number, dy: number) => `1 0 0 -1 ${short(x + dx)} ${short(baseline - dy)} Tm`;
  const operations = [`BT /${font.id} ${short(size)} Tf`, move(0, 0)];
  let shown = "";
  let hex = "";
  const flush = () => {
    if (hex !== "") shown += `<${hex}>`;
    if (shown !== "") operations.push(`[${shown}] TJ`);
    shown = "";
    hex = "";
  };
  let advance = 0; // thousandths of the size since x
  let moved = false;
  for (const [index, code] of codes.entries()) {
    const { xAdvance, xOffset, yOffset, advanceWidth } = positions[index]!;
    const isOffset = xOffset !== 0 || yOffset !== 0; // a mark, placed over or under its letter
    if (isOffset || moved) {
      flush();
      operations.push(move(((advance + xOffset) * size) / 1000, (yOffset * size) / 1000));
    }
    moved = isOffset;
    hex += code;
    if (xAdvance !== advanceWidth) {
      shown += `<${hex}>${short(advanceWidth - xAdvance)}`;
      hex = "";
    }
    advance += xAdvance;
  }
  flush();
  operations.push("ET");
  pdf.addContent(operations.join(" "));
}

interface Inside {
  font(source: unknown, key: string, size: number): unknown;
  readonly page: { readonly fonts: Record<string, unknown> };
  readonly _font: {
    readonly id: string;
    ref(): unknown;
    /** Glyph codes as four hexadecimal digits, and where they stand in thousandths of the size. */
    encode(text: string): readonly [codes: readonly string[], positions: readonly GlyphPosition[]];
  };
}
interface GlyphPosition {
  readonly xAdvance: number;
  readonly xOffset: number;
  readonly yOffset: number;
  /** The glyph's own width; differs from `xAdvance` where letters are kerned. */
  readonly advanceWidth: number;
}

/** A number as PDF writes it: no exponent, three decimals (a thousandth of a point). */
function short(value: number): number {
  return Math.round(value * 1000) / 1000;
}
