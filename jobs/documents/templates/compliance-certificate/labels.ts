import { formatDate } from "../../calendar-date.ts";
import type { Locale } from "../../locale.ts";
import type { ComplianceCertificate } from "./inputs.ts";

/** Words printed on a certificate. */
export interface Labels {
  readonly title: string;
  readonly number: string;
  /** Before the company's name, and after it when no statement is given. */
  readonly certifies: string;
  readonly statement: (certificate: ComplianceCertificate) => string;
  readonly framework: string;
  readonly obligation: string;
  readonly period: string;
  readonly issuedOn: string;
  readonly validUntil: string;
  readonly withoutEnd: string;
  readonly evidence: string;
}

export const labels: Readonly<Record<Locale, Labels>> = {
  "en-IN": {
    title: "Certificate of Compliance",
    number: "Certificate no.",
    certifies: "This is to certify that",
    statement: (certificate) =>
      `has met the obligation “${certificate.obligation}” under ${certificate.framework} for the period from ` +
      `${formatDate(certificate.period.from, "en-IN")} to ${formatDate(certificate.period.to, "en-IN")}` +
      `${certificate.evidence ? ", as shown by the evidence named below" : ""}.`,
    framework: "Framework",
    obligation: "Obligation",
    period: "Period",
    issuedOn: "Issued on",
    validUntil: "Valid until",
    withoutEnd: "Without end",
    evidence: "Evidence",
  },
  "hi-IN": {
    title: "अनुपालन प्रमाणपत्र",
    number: "प्रमाणपत्र संख्या",
    certifies: "यह प्रमाणित किया जाता है कि",
    statement: (certificate) =>
      `ने ${certificate.framework} के अंतर्गत “${certificate.obligation}” का दायित्व ` +
      `${formatDate(certificate.period.from, "hi-IN")} से ${formatDate(certificate.period.to, "hi-IN")} तक की अवधि के लिए पूरा किया है` +
      `${certificate.evidence ? ", जैसा कि नीचे दिए गए साक्ष्य से प्रमाणित है" : ""}।`,
    framework: "विनियम",
    obligation: "दायित्व",
    period: "अवधि",
    issuedOn: "जारी करने की तिथि",
    validUntil: "वैधता की अंतिम तिथि",
    withoutEnd: "असीमित",
    evidence: "साक्ष्य",
  },
};
