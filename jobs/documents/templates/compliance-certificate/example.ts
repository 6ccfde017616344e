import type { ComplianceCertificate } from "./inputs.ts";

/** A small certificate: the example of the reference. Light, because definitions load it. */
export const example: ComplianceCertificate = {
  certificateNumber: "CAI/2026/000317",
  companyName: "ComplianceAI Demo LLP",
  framework: "SOC 2 Type II",
  obligation: "Quarterly access review",
  period: { from: "2026-07-01", to: "2026-09-30" },
  issuedOn: "2026-10-12",
  validUntil: "2027-01-31",
  issuer: { name: "Meera Iyer", title: "Chief Compliance Officer" },
  evidence: {
    reference: "access-review-2026-q3.zip, evidence record 8841",
    sha256: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
  },
};
