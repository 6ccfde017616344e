import { z } from "zod";
import { NightshiftError, PermanentError } from "./errors.ts";
import type { SqlRunner } from "./sql.ts";

/** The caller's own id of a person. Not an address: it is kept where addresses are not. */
export const recipientId = z
  .string()
  .regex(/^[A-Za-z0-9][\w.:-]{0,99}$/, "Expected 1 to 100 of A-Z a-z 0-9 . _ : -, beginning with a letter or digit");

/** Somebody whom reports are mailed to. */
export interface Recipient {
  readonly id: string;
  readonly name: string;
  readonly email: string;
}

/** The recipients of a tenant. */
export interface Recipients {
  /** Those of these ids that there are, in no order. */
  find(tenant: string, ids: readonly string[], within?: SqlRunner): Promise<readonly Recipient[]>;
}

export const reportFormats = ["csv", "pdf"] as const;
export type ReportFormat = (typeof reportFormats)[number];

/** A result as a file. Its bytes are in the blob store; nobody refers to them, so they are there for a day at least. */
export interface ReportFile {
  /** Of the report. */
  readonly title: string;
  readonly sha256: string;
  readonly sizeBytes: number;
  readonly contentType: string;
  readonly fileName: string;
  /** Instant that the rows are true of. ISO 8601. */
  readonly asOf: string;
  readonly rows: number;
}

/** Makes files of reports. */
export interface ReportFiles {
  /**
   * A file of a fresh result, computed and printed by jobs of their own where there is none. Rejects with SnoozeJob while that
   * takes longer than a few seconds, InvalidInput, ReportUnprintable, or when it cannot be computed now.
   */
  make(
    order: {
      readonly tenant: string;
      readonly report: string;
      readonly params: unknown;
      readonly format: ReportFormat;
    },
    signal: AbortSignal,
  ): Promise<ReportFile>;
}

/** The rows cannot be a PDF: too many, or text that no embedded font can draw. They can be a CSV file. */
export class ReportUnprintable extends PermanentError {
  readonly code = "report_unprintable";

  constructor(path: string, cause: unknown) {
    super(`Expected rows that can be printed, found others at "${path}": send them as CSV`, { path }, { cause });
  }
}

/** Its computation, or its printing, waits for longer than anybody should. */
export class ReportNotReady extends NightshiftError {
  readonly code = "report_not_ready";

  constructor(waitingFor: string, waitedMs: number) {
    super(`Expected the report to be ready within an hour, it was not: ${waitingFor}`, { waitingFor, waitedMs });
  }
}
