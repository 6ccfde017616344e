import { z } from "zod";
import { printable } from "../../printable.ts";

/**
 * `userInputs` of a compliance certificate: who met which obligation of which framework, when, on what evidence, and who
 * says so. Limits are such that the certificate stays one page in both languages (tested at the limits).
 */
export const certificateInputs = z
  .strictObject({
    certificateNumber: z
      .string()
      .regex(/^[A-Za-z0-9/-]{1,32}$/, "expected 1 to 32 letters, digits, hyphens and slashes"),
    companyName: printable(160),
    /** A law or standard: "ISO/IEC 27001:2022", "Digital Personal Data Protection Act, 2023". */
    framework: printable(80),
    /** What was asked of the company: "Annual access review". */
    obligation: printable(160),
    /** Calendar days, both included. */
    period: z.strictObject({ from: z.iso.date(), to: z.iso.date() }).superRefine(({ from, to }, issues) => {
      if (to < from) issues.addIssue(tooEarly("to", "the period to end on or after the day it begins"));
    }),
    issuedOn: z.iso.date(),
    /** Last day of validity; absent means without end. */
    validUntil: z.iso.date().optional(),
    /** Replaces the standard sentence after the company's name. */
    statement: printable(600, { maxLines: 6 }).optional(),
    issuer: z.strictObject({ name: printable(80), title: printable(80) }),
    evidence: z
      .strictObject({
        reference: printable(120),
        /** Of the evidence file, so that a reader can check that it is the one meant. */
        sha256: z.string().regex(/^[0-9a-f]{64}$/, "expected a SHA-256 as 64 lowercase hexadecimal digits"),
      })
      .optional(),
  })
  .superRefine(({ issuedOn, validUntil }, issues) => {
    if (validUntil !== undefined && validUntil < issuedOn) {
      issues.addIssue(tooEarly("validUntil", "the validity to end on or after the day of issue"));
    }
  });

export type ComplianceCertificate = z.infer<typeof certificateInputs>;

function tooEarly(path: string, what: string) {
  return { code: "custom" as const, path: [path], message: `expected ${what}`, params: { code: "date_too_early" } };
}
