import { relative } from "node:path";

/** How the demo writes numbers, times and paths. */

export function table(rows: readonly (readonly string[])[]): readonly string[] {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.map((row) => `  ${row.map((cell, column) => cell.padEnd(widths[column]!)).join("   ")}`.trimEnd());
}

/** A path as one would type it here. */
export function here(path: string): string {
  const short = relative(process.cwd(), path) || ".";
  return short.startsWith("..") ? path : short;
}

export function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

export function seconds(ms: number): string {
  return (ms / 1_000).toFixed(1).replace(/\.0$/, "");
}

/** Millionths of a dollar. */
export function dollars(micros: number): string {
  return `$${(micros / 1_000_000).toFixed(6)}`;
}
