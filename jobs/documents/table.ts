import { type Align, ink, Sheet, type Style } from "./sheet.ts";
import type { Line } from "./typeset.ts";

/**
 * A table drawn row by row from the sheet's `y` downwards. The header is repeated on every page; a row higher than what is
 * left of the page goes on at the top of the next one, line by line, so that no text is lost at any length.
 */
export interface Column {
  readonly label: string;
  readonly align: Align;
  /** Points, padding included. */
  readonly width: number;
}

export const cellPadding = 3.5; // points, left and right
const rowPadding = 3;
const keepLines = 3; // a row begins at the foot of a page only if so many of its lines (or all) still fit

export class Table {
  readonly #sheet: Sheet;
  readonly #columns: readonly Column[];
  readonly #style: Style;
  readonly #turnPage: () => void;
  readonly #lineHeight: number;

  /** `turnPage` begins the next page and leaves the sheet's `y` below whatever runs at its top. */
  constructor(sheet: Sheet, columns: readonly Column[], style: Style, turnPage: () => void) {
    this.#sheet = sheet;
    this.#columns = columns;
    this.#style = style;
    this.#turnPage = turnPage;
    this.#lineHeight = Sheet.lineHeight(style.size);
  }

  header(): void {
    const style: Style = { ...this.#style, weight: "bold", color: ink.accent };
    const cells = this.#columns.map((column) => this.#sheet.wrap(column.label, column.width - 2 * cellPadding, style));
    const height = Math.max(...cells.map((lines) => lines.length)) * this.#lineHeight + 2 * rowPadding;
    const { y } = this.#sheet;
    this.#sheet.band(this.#sheet.left, y, this.#sheet.width, height);
    for (const [index, lines] of cells.entries()) {
      const top = y + height - rowPadding - lines.length * this.#lineHeight; // labels stand on one line at the bottom
      this.#cell(index, lines, top, style);
    }
    this.#sheet.rule(this.#sheet.left, this.#sheet.right, y + height, ink.accent, 0.8);
    this.#sheet.y = y + height;
  }

  /** One row; each cell is its lines, already broken to the column's width. */
  row(cells: ReadonlyArray<readonly Line[]>): void {
    const lineCount = Math.max(1, ...cells.map((lines) => lines.length));
    let drawn = 0;
    while (drawn < lineCount) {
      let fitting = this.#fitting();
      if (fitting < Math.min(keepLines, lineCount - drawn)) {
        this.#turnPage();
        this.header();
        fitting = Math.max(1, this.#fitting());
      }
      const until = Math.min(lineCount, drawn + fitting);
      const top = this.#sheet.y + rowPadding;
      for (const [index, lines] of cells.entries()) this.#cell(index, lines.slice(drawn, until), top, this.#style);
      this.#sheet.y = top + (until - drawn) * this.#lineHeight + rowPadding;
      drawn = until;
      this.#sheet.rule(this.#sheet.left, this.#sheet.right, this.#sheet.y);
    }
  }

  #cell(index: number, lines: readonly Line[], top: number, style: Style): void {
    const column = this.#columns[index]!;
    const from = this.#sheet.left + this.#columns.slice(0, index).reduce((x, { width }) => x + width, 0);
    const x =
      column.align === "left"
        ? from + cellPadding
        : column.align === "right"
          ? from + column.width - cellPadding
          : from + column.width / 2;
    for (const [row, line] of lines.entries()) {
      this.#sheet.line(line, x, top + row * this.#lineHeight, style, column.align);
    }
  }

  /** How many text lines of a row still fit on this page. */
  #fitting(): number {
    return Math.floor((this.#sheet.bottom - this.#sheet.y - 2 * rowPadding) / this.#lineHeight);
  }
}
