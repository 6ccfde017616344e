import { defineTemplate } from "../template.ts";
import { example } from "./example.ts";
import { certificateInputs } from "./inputs.ts";

/** A one-page certificate that a company met an obligation, in English or Hindi. */
export const complianceCertificate = defineTemplate({
  id: "compliance-certificate",
  version: 1,
  title: "Compliance certificate",
  locales: ["en-IN", "hi-IN"],
  inputs: certificateInputs,
  example,
  documentTitle: ({ certificateNumber }) => `Certificate of compliance ${certificateNumber}`,
  issuedOn: ({ issuedOn }) => issuedOn,
  fileName: ({ certificateNumber }) => `certificate-${certificateNumber.replaceAll("/", "-")}.pdf`,
  drawing: () => import("./drawing.ts"),
  fixtures: () => import("./fixtures.ts"),
});
