import { z } from "zod";
import { findTextProblem } from "../../coverage.ts";
import { printable } from "../../printable.ts";

const name = z.string().regex(/^[A-Za-z][A-Za-z0-9]{0,39}$/);

/** Text of a cell: any that an embedded font can draw, also none. */
const cellText = z
  .string()
  .max(1_000)
  .superRefine((text, issues) => {
    const problem = text.length <= 1_000 ? findTextProblem(text) : null;
    if (problem) issues.addIssue({ code: "custom", message: problem.message, params: { code: problem.code } });
  });

/** `userInputs` of a printed report: a table with typed columns, and how it is drawn. */
export const reportInputs = z
  .strictObject({
    title: printable(120),
    /** What was asked, such as "from 2026-10-01 · to 2026-10-31". */
    subtitle: printable(400).optional(),
    /** Instant that the rows are true of. */
    asOf: z.iso.datetime(),
    columns: z
      .array(
        z.strictObject({
          name,
          title: printable(40),
          type: z.enum(["text", "date", "integer", "decimal", "hundredths", "percent", "milliseconds", "bytes"]),
        }),
      )
      .min(1)
      .max(20),
    chart: z
      .strictObject({
        kind: z.enum(["bar", "line"]),
        x: name,
        y: z.array(name).min(1).max(8),
        series: name.optional(),
      })
      .optional(),
    rows: z.array(z.record(name, z.union([cellText, z.number(), z.boolean(), z.null()]))).max(5_000),
  })
  .superRefine(({ columns, chart }, issues) => {
    const known = columns.map((column) => column.name);
    for (const [path, names] of Object.entries({ x: [chart?.x], y: chart?.y ?? [], series: [chart?.series] }))
      for (const one of names)
        if (one !== undefined && !known.includes(one))
          issues.addIssue({
            code: "custom",
            path: ["chart", path],
            message: "expected the name of a column",
            params: { code: "column_unknown" },
          });
  });

export type PrintedReport = z.infer<typeof reportInputs>;
