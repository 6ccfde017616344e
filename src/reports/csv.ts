import { stringify } from "csv-stringify/sync";
import type { ReportColumn, ReportRow } from "#core/report.ts";

/**
 * What a spreadsheet may take for the beginning of a formula, also behind spaces and in its wide forms, and the control
 * characters that begin a cell of their own in some (OWASP, "CSV injection").
 */
const formula = /^[\s\uFEFF\u200B-\u200D\u2060]*[=+\-@\uFF1D\uFF0B\uFF0D\uFF20|%]|^[\t\r\n]/;

/**
 * Rows as CSV (RFC 4180): a header of column names, CRLF, UTF-8. Text that a spreadsheet could run as a formula gets an
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
        string: (text: string) => ({ value: harmless(text), quoted: /^[\s']|\s$/.test(harmless(text)) }),
        boolean: (value: boolean) => String(value),
        number: (value: number) => String(value),
      },
    },
  );
}

/** Text as a spreadsheet shows it and does not run it. */
export function harmless(text: string): string {
  return formula.test(text) ? `'${text}` : text;
}
