import PDFDocument from "pdfkit";
import type { Weight } from "./fonts.ts";
import type { Locale } from "./locale.ts";
import { showText } from "./show-text.ts";
import { breakLines, type Line, setLine } from "./typeset.ts";

/**
 * A document being drawn: A4 pages, text in the embedded fonts, rules and bands. All text of all templates is drawn here,
 * after `typeset.ts` chose a font for every character. Lengths are points (1/72 inch) from the top left corner of the page.
 *
 * The output is deterministic: dates come from the document, the file's id from its metadata, nothing from the clock.
 */
export interface DocumentFacts {
  /** ASCII without `&`, `<` or `>`: pdfkit copies it into XMP unescaped. */
  readonly title: string;
  readonly locale: Locale;
  /** Calendar day of the document (ISO): its creation date, at midnight UTC. */
  readonly issuedOn: string;
}
export interface Style {
  readonly size: number;
  readonly weight?: Weight;
  /** `#rrggbb` */
  readonly color?: string;
}
export type Align = "left" | "right" | "center";
export type Orientation = "portrait" | "landscape";

export const ink = { text: "#1a1d21", muted: "#5f6770", rule: "#c9ced4", band: "#f1f3f5", accent: "#1f3a5f" } as const;
const leading = 1.36; // line height over font size: room for Devanagari marks above and below

export class Sheet {
  /** Outer margin on all sides. */
  static readonly margin = 36;
  readonly #pdf: PDFKit.PDFDocument;
  readonly #ended: Promise<Uint8Array<ArrayBuffer>>;
  #fill = "";
  /** Where the next block begins, for callers that draw from top to bottom. */
  y = 0;

  constructor(facts: DocumentFacts) {
    if (!/^[ -%'-;=?-~]*$/.test(facts.title)) throw new RangeError("Expected a title of plain ASCII without & < >");
    this.#pdf = new PDFDocument({
      size: "A4",
      margin: Sheet.margin,
      autoFirstPage: false,
      bufferPages: true, // "Page x of y" is written when y is known
      font: noFont, // else Helvetica, which is not embedded and lacks ₹
      pdfVersion: "1.7",
      subset: "PDF/A-3b",
      lang: facts.locale,
      displayTitle: true,
      info: {
        Title: facts.title,
        Producer: "Nightshift",
        Creator: "Nightshift",
        CreationDate: new Date(`${facts.issuedOn}T00:00:00Z`),
      },
    });
    this.#ended = collect(this.#pdf);
  }

  get left(): number {
    return Sheet.margin;
  }
  get right(): number {
    return this.#pdf.page.width - Sheet.margin;
  }
  get width(): number {
    return this.right - this.left;
  }
  /** Lowest point of the body; below it is the footer. */
  get bottom(): number {
    return this.#pdf.page.height - Sheet.margin - 14;
  }
  get pageWidth(): number {
    return this.#pdf.page.width;
  }
  get pageHeight(): number {
    return this.#pdf.page.height;
  }

  /** Begin a page; `y` moves to its top. */
  addPage(orientation: Orientation): void {
    this.#pdf.addPage({ size: "A4", margin: Sheet.margin, layout: orientation });
    this.#fill = "";
    this.y = Sheet.margin;
  }

  static lineHeight(size: number): number {
    return size * leading;
  }

  /** A line whose box begins at `top`. `x` is its left edge, right edge or centre, by `align`. */
  line(line: Line, x: number, top: number, style: Style, align: Align = "left"): void {
    const width = line.width * style.size;
    const baseline = top + style.size * 1.04;
    let from = align === "left" ? x : align === "right" ? x - width : x - width / 2;
    this.#use(style.color ?? ink.text);
    for (const run of line.runs) {
      // Shaping reorders Devanagari: readers and searches take the text from ActualText instead of from the glyphs.
      const reordered = run.face.key.startsWith("devanagari");
      if (reordered) this.#pdf.markContent("Span", { actual: run.text });
      showText(this.#pdf, run.face, run.text, { x: from, baseline, size: style.size });
      if (reordered) this.#pdf.endMarkedContent();
      from += run.width * style.size;
    }
  }

  /** Short text that must stay on one line. */
  text(text: string, x: number, top: number, style: Style, align: Align = "left"): void {
    if (text !== "") this.line(setLine(text, style.weight ?? "regular"), x, top, style, align);
  }

  /** Text broken to `width`, from `top`; the answer is the y below it. Does not turn the page. */
  paragraph(text: string, x: number, top: number, width: number, style: Style, align: Align = "left"): number {
    const anchor = align === "left" ? x : align === "right" ? x + width : x + width / 2;
    let y = top;
    for (const line of this.wrap(text, width, style)) {
      this.line(line, anchor, y, style, align);
      y += Sheet.lineHeight(style.size);
    }
    return y;
  }

  wrap(text: string, width: number, style: Style): readonly Line[] {
    return breakLines(text, style.weight ?? "regular", width / style.size);
  }

  rule(from: number, to: number, y: number, color: string = ink.rule, weight = 0.6): void {
    this.#pdf.moveTo(from, y).lineTo(to, y).lineWidth(weight).strokeColor(color).stroke();
  }

  band(x: number, y: number, width: number, height: number, color: string = ink.band): void {
    this.#use(color);
    this.#pdf.rect(x, y, width, height).fill();
  }

  /** A line through these points. */
  polyline(points: readonly (readonly [x: number, y: number])[], color: string, weight: number): void {
    const [first, ...others] = points;
    if (!first) return;
    this.#pdf.moveTo(...first);
    for (const point of others) this.#pdf.lineTo(...point);
    this.#pdf.lineJoin("round").lineWidth(weight).strokeColor(color).stroke();
  }

  /** What is drawn meanwhile is one picture, and `alt` says what it shows, for those who cannot see it. */
  figure(alt: string, draw: () => void): void {
    this.#pdf.markContent("Span", { alt });
    draw();
    this.#pdf.endMarkedContent();
  }

  frame(x: number, y: number, width: number, height: number, color: string, weight: number): void {
    this.#pdf.rect(x, y, width, height).lineWidth(weight).strokeColor(color).stroke();
  }

  /** Draw something on every page, when all pages exist. */
  eachPage(draw: (page: number, pageCount: number) => void): void {
    const { count } = this.#pdf.bufferedPageRange();
    for (let page = 0; page < count; page++) {
      this.#pdf.switchToPage(page);
      this.#fill = "";
      draw(page + 1, count);
    }
  }

  /** The finished file. Nothing can be drawn after it. */
  async finish(): Promise<{ readonly bytes: Uint8Array<ArrayBuffer>; readonly pageCount: number }> {
    const { count: pageCount } = this.#pdf.bufferedPageRange();
    this.#pdf.end();
    return { bytes: await this.#ended, pageCount };
  }

  #use(color: string): void {
    if (this.#fill === color) return;
    this.#pdf.fillColor(color);
    this.#fill = color;
  }
}

const noFont = null as unknown as string; // the types ask for a name; null means none yet

/** All bytes in an ArrayBuffer of their own, which a thread can hand over or clone without a pool around it. */
function collect(pdf: PDFKit.PDFDocument): Promise<Uint8Array<ArrayBuffer>> {
  return new Promise((resolve, reject) => {
    const chunks: Uint8Array[] = [];
    let size = 0;
    pdf.on("data", (chunk: Uint8Array) => {
      chunks.push(chunk);
      size += chunk.byteLength;
    });
    pdf.on("error", reject);
    pdf.on("end", () => {
      const bytes = new Uint8Array(size);
      let offset = 0;
      for (const chunk of chunks) {
        bytes.set(chunk, offset);
        offset += chunk.byteLength;
      }
      resolve(bytes);
    });
  });
}
