import { defineTemplate } from "../template.ts";
import { example } from "./example.ts";
import { reportInputs } from "./inputs.ts";

/** A report as a table with a chart drawn above it. */
export const report = defineTemplate({
  id: "report",
  version: 1,
  title: "Report",
  locales: ["en-IN"],
  inputs: reportInputs,
  example,
  documentTitle: ({ title }) => title.replace(/[^ -%'-;=?-~]/g, "_"), // ASCII without & < >
  issuedOn: ({ asOf }) => asOf.slice(0, 10),
  fileName: ({ title, asOf }) => {
    const words = title
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, "-")
      .replace(/^-|-$/g, "");
    return `${words || "report"}-${asOf.slice(0, 10)}.pdf`;
  },
  drawing: () => import("./drawing.ts"),
  fixtures: () => import("./fixtures.ts"),
});
