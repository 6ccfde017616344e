import { z } from "zod";
import { findTextProblem } from "./coverage.ts";

/**
 * A text field that will be printed: 1 to `max` UTF-16 units, at least one of them visible, every character drawn by an
 * embedded font. `maxLines` above 1 allows line feeds. The first character that cannot be printed is named in the issue,
 * with its permanent code in `params.code`.
 */
export function printable(max: number, { maxLines = 1 }: { readonly maxLines?: number } = {}) {
  return z
    .string()
    .min(1)
    .max(max)
    .superRefine((text, issues) => {
      if (text.length > max) return; // refused already; a megabyte need not be read
      if (text !== "" && text.trim() === "") {
        issues.addIssue({
          code: "custom",
          message: "expected text, found only spaces",
          params: { code: "blank_text" },
        });
      }
      const breaks = text.split("\n").length - 1;
      if (breaks >= maxLines) {
        const message = `expected at most ${maxLines} line(s), found ${breaks + 1}`;
        issues.addIssue({ code: "custom", message, params: { code: "too_many_lines" } });
      }
      const problem = findTextProblem(text);
      if (problem) issues.addIssue({ code: "custom", message: problem.message, params: { code: problem.code } });
    });
}
