import type { Fixture } from "../template.ts";
import { example as small } from "./example.ts";
import type { ComplianceCertificate } from "./inputs.ts";

/** Sample certificates, and requests that must be refused. */

const hindi: ComplianceCertificate = {
  ...small,
  companyName: "सूर्योदय ईआरपी प्राइवेट लिमिटेड",
  framework: "डिजिटल व्यक्तिगत डेटा संरक्षण अधिनियम, 2023",
  obligation: "वार्षिक डेटा सुरक्षा लेखापरीक्षा",
  issuer: { name: "मीरा अय्यर", title: "मुख्य अनुपालन अधिकारी" },
};

/** Every text at its limit, in the widest letters: still one page. */
const longest: ComplianceCertificate = {
  ...small,
  certificateNumber: "W".repeat(32),
  companyName: "W".repeat(160),
  framework: "W".repeat(80),
  obligation: "W".repeat(160),
  statement: "W".repeat(600),
  issuer: { name: "W".repeat(80), title: "W".repeat(80) },
  evidence: { reference: "W".repeat(120), sha256: "0".repeat(64) },
};

/** Number `index` of a batch, for the demo and the tests of speed. */
export function certificateOf(index: number): ComplianceCertificate {
  const certificateNumber = `CAI/2026/${String(index).padStart(6, "0")}`;
  return { ...small, certificateNumber, companyName: `Company ${index} Pvt Ltd` };
}

export const fixtures: readonly Fixture[] = [
  {
    name: "small",
    userInputs: small,
    expected: {
      outcome: "rendered",
      pageCount: 1,
      text: ["Certificate of Compliance", "CAI/2026/000317", "ComplianceAI Demo LLP", "Page 1 of 1"],
    },
  },
  {
    name: "small in Hindi",
    locale: "hi-IN",
    userInputs: hindi,
    expected: {
      outcome: "rendered",
      pageCount: 1,
      text: ["अनुपालन प्रमाणपत्र", "यह प्रमाणित किया जाता है कि", "सूर्योदय ईआरपी प्राइवेट लिमिटेड"],
    },
  },
  {
    name: "without end, evidence or statement",
    userInputs: { ...small, validUntil: undefined, evidence: undefined },
    expected: { outcome: "rendered", pageCount: 1, text: ["Without end"] },
  },
  {
    name: "hostile: every text at its limit",
    userInputs: longest,
    expected: { outcome: "rendered", pageCount: 1, text: ["WWWWWWWW"] },
  },
  {
    name: "hostile: every text at its limit, in Hindi",
    locale: "hi-IN",
    userInputs: { ...longest, companyName: "क्ष".repeat(53), statement: "ज्ञानी ".repeat(85) },
    expected: { outcome: "rendered", pageCount: 1, text: ["अनुपालन प्रमाणपत्र"] },
  },
  {
    name: "hostile: emoji, Arabic, a zero-width joiner between Latin letters",
    userInputs: { ...small, companyName: "Rocket 🚀 Ltd", obligation: "مراجعة", framework: "SOC\u200D2" },
    expected: {
      outcome: "refused",
      problems: { companyName: "U+1F680", obligation: "right_to_left_text", framework: "invisible_character" },
    },
  },
  {
    name: "hostile: days in the wrong order, a wrong hash, null",
    userInputs: {
      ...small,
      period: { from: "2026-09-30", to: "2026-07-01" },
      validUntil: "2026-10-11",
      evidence: { reference: "x", sha256: "ABC" },
      issuer: null,
    },
    expected: {
      outcome: "refused",
      problems: { "period.to": "date_too_early", "evidence.sha256": "invalid_format", issuer: "invalid_type" },
    },
  },
];
