import type { PrintedReport } from "./inputs.ts";

type Column = PrintedReport["columns"][number];
type Cell = PrintedReport["rows"][number][string];

const units = ["B", "kB", "MB", "GB", "TB"] as const;

/** A cell as it is printed. Numbers are written here rather than by the machine's locale: the same bytes everywhere. */
export function printCell(cell: Cell | undefined, type: Column["type"]): string {
  if (cell === null || cell === undefined) return "–";
  if (typeof cell === "boolean") return cell ? "yes" : "no";
  if (typeof cell === "string") return cell;
  return printNumber(cell, type);
}

export function printNumber(value: number, type: Column["type"]): string {
  switch (type) {
    case "hundredths":
      return grouped(value / 100, 2);
    case "percent":
      return `${grouped(value, 1)} %`;
    case "milliseconds":
      return Math.abs(value) < 10_000
        ? `${grouped(value, value % 1 === 0 ? 0 : 1)} ms`
        : `${grouped(value / 1_000, 1)} s`;
    case "bytes":
      return printBytes(value);
    case "integer":
      return grouped(value, 0);
    default:
      return grouped(value, Number.isInteger(value) ? 0 : 2);
  }
}

/** Whether a column is read from the right. */
export function isNumeric(type: Column["type"]): boolean {
  return type !== "text" && type !== "date";
}

function printBytes(value: number): string {
  const power = Math.min(units.length - 1, Math.max(0, Math.floor(Math.log10(Math.abs(value) || 1) / 3)));
  return `${grouped(value / 1_000 ** power, power === 0 ? 0 : 1)} ${units[power]}`;
}

/** Thousands parted by commas. Beyond what an integer can say exactly, as powers of ten. */
function grouped(value: number, decimals: number): string {
  if (Math.abs(value) >= Number.MAX_SAFE_INTEGER) return value.toExponential(3);
  const [whole = "", part] = Math.abs(value).toFixed(decimals).split(".");
  const sign = value < 0 && Number(value.toFixed(decimals)) !== 0 ? "−" : "";
  return `${sign}${whole.replace(/\B(?=(\d{3})+$)/g, ",")}${part === undefined ? "" : `.${part}`}`;
}
