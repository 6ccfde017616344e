import { isMet, type Row } from "./measure.ts";
import type { Spread } from "./spread.ts";

/** The rows of one measure, under its title. */
export interface Section {
  readonly name: string;
  readonly title: string;
  readonly rows: readonly Row[];
}

const head = ["what", "ratio (min–max)", "Nightshift", "against", "its value", "asked", "met"];

/** A Markdown table: as readable on a terminal as on a page. Ratios first, because machines differ. */
export function toMarkdown(sections: readonly Section[]): string {
  return sections
    .map(({ title, rows }) => {
      const lines = [head, ...rows.map(cells)];
      const widths = head.map((_, column) => Math.max(...lines.map((line) => line[column]!.length)));
      const print = (line: readonly string[]) =>
        `| ${line.map((cell, column) => cell.padEnd(widths[column]!)).join(" | ")} |`;
      const rule = `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |`;
      return [`### ${title}`, "", print(head), rule, ...rows.map((row) => print(cells(row))), ""].join("\n");
    })
    .join("\n");
}

function cells(row: Row): string[] {
  const met = isMet(row);
  return [
    row.what,
    row.ratio ? `${short(row.ratio.median)} (${short(row.ratio.min)}–${short(row.ratio.max)})` : "",
    `${amount(row.value)} ${row.unit}`,
    row.reference?.name ?? "",
    row.reference ? amount(row.reference.value) : "",
    row.target ? asked(row.target) : "",
    met === null ? "" : met ? "yes" : "no",
  ];
}

function asked({ of, least, most }: NonNullable<Row["target"]>): string {
  const bound = least !== undefined ? `≥ ${least}` : `≤ ${most}`;
  return of === "ratio" ? `ratio ${bound}` : bound;
}

function amount(value: Spread): string {
  return value.median >= 100 ? Math.round(value.median).toLocaleString("en-US") : short(value.median);
}

function short(value: number): string {
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
}
