import { stringify } from "csv-stringify/sync";
import type { ReportColumn, ReportRow } from "#core/report.ts";
import type { ReportPlace } from "#core/report-key.ts";

/**
 * What a spreadsheet may take for the beginning of a formula or command, also behind spaces and in wide letters (OWASP, "CSV
 * injection"). `inner`: behind what begins a cell in spreadsheets that part cells at semicolons or tabs, and know nothing of
 * our quotes then.
 */
const unseen = "[\\s\\uFEFF\\u200B-\\u200D\\u2060]*";
const begins = "[=+\\-@|%\\uFF1D\\uFF0B\\uFF0D\\uFF20]";
const formula = new RegExp(`^${unseen}${begins}|^[\\t\\r\\n]`);
const inner = new RegExp(`([;\\t\\r\\n]${unseen})(${begins})`, "g");

/**
 * Rows as CSV (RFC 4180): a header of column names, CRLF, UTF-8. What a spreadsheet could run as a formula gets an
 * apostrophe in front, which spreadsheets take for "this is text". Numbers are written as they are: they come from us.
 */
export function toCsv(columns: readonly ReportColumn[], rows: readonly ReportRow[]): string {
  return stringify(
    rows.map((row) => columns.map(({ name }) => row[name] ?? null)),
    {
      header: true,
      columns: columns.map(({ name }) => harmless(name)),
      record_delimiter: "\r\n",
      cast: {
        string: (text: string) => ({ value: harmless(text), quoted: !/^[\w.:/-]*$/.test(text) }),
        boolean: (value: boolean) => String(value),
        number: (value: number) => String(value),
      },
    },
  );
}

/** What the file of a question is called: the report, and its period if it has one. */
export function csvName({ report, params }: Pick<ReportPlace, "report" | "params">): string {
  const period = [params.from, params.to].filter((part) => typeof part === "string").join("_");
  return `${report.name}${period && `-${period}`}.csv`;
}

/** Text as a spreadsheet shows it and does not run it. */
export function harmless(text: string): string {
  const guarded = text.replace(inner, "$1'$2");
  return formula.test(text) ? `'${guarded}` : guarded;
}
