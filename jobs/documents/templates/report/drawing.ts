import { ink, type Sheet, type Style } from "../../sheet.ts";
import { type Column, cellPadding, Table } from "../../table.ts";
import { setLine } from "../../typeset.ts";
import { isNumeric, printCell } from "./cell.ts";
import { chartHeight, drawChart } from "./chart.ts";
import { chartData } from "./chart-data.ts";
import type { PrintedReport } from "./inputs.ts";

const heading: Style = { size: 17, weight: "bold", color: ink.accent };
const caption: Style = { size: 8.5, color: ink.muted };
const foot: Style = { size: 7.5, color: ink.muted };
const cell: Style = { size: 8.5 };

/** Landscape pages: title, what was asked and when it was true, the chart, and the whole table. */
export function draw(sheet: Sheet, report: PrintedReport): void {
  sheet.addPage("landscape");
  const { title, subtitle, asOf, columns, rows } = report;
  sheet.y = sheet.paragraph(title, sheet.left, sheet.y, sheet.width, heading) + 2;
  if (subtitle) sheet.y = sheet.paragraph(subtitle, sheet.left, sheet.y, sheet.width, caption);
  const facts = `As of ${asOf.slice(0, 16).replace("T", " ")} UTC · ${rows.length} row${rows.length === 1 ? "" : "s"}`;
  sheet.y = sheet.paragraph(facts, sheet.left, sheet.y, sheet.width, caption) + 10;

  const chart = chartData(report);
  if (chart) {
    if (sheet.y + chartHeight > sheet.bottom) sheet.addPage("landscape");
    drawChart(sheet, chart);
    sheet.y += 10;
  }
  const texts = rows.map((row) => columns.map(({ name, type }) => printCell(row[name], type)));
  const laid = layOut(sheet, report, texts);
  const table = new Table(sheet, laid, cell, () => sheet.addPage("landscape"));
  if (sheet.y + 60 > sheet.bottom) sheet.addPage("landscape");
  table.header();
  for (const text of texts)
    table.row(text.map((part, index) => sheet.wrap(part, laid[index]!.width - 2 * cellPadding, cell)));
  sheet.eachPage((page, pageCount) => {
    sheet.text(title, sheet.left, sheet.bottom + 4, foot);
    sheet.text(`Page ${page} of ${pageCount}`, sheet.right, sheet.bottom + 4, foot, "right");
  });
}

/** Columns as wide as what is in them asks for, no narrower than their longest number, stretched or shrunk to the page. */
function layOut(sheet: Sheet, { columns }: PrintedReport, texts: readonly (readonly string[])[]): Column[] {
  const wanted = columns.map(({ title }, index) => {
    let widest = setLine(title, "bold").width;
    for (const text of texts.slice(0, 200)) widest = Math.max(widest, setLine(text[index]!, "regular").width);
    return Math.min(240, widest * cell.size + 2 * cellPadding + 4);
  });
  const factor = sheet.width / wanted.reduce((sum, width) => sum + width, 0);
  return columns.map(({ title, type }, index) => ({
    label: title,
    align: isNumeric(type) ? "right" : "left",
    width: wanted[index]! * factor,
  }));
}
