import { createHash } from "node:crypto";
import { promisify } from "node:util";
import { gunzip as gunzipCallback, gzip as gzipCallback } from "node:zlib";
import { PermanentError } from "#core/errors.ts";
import type { ReportRow } from "#core/report.ts";
import type { ReportPlace } from "#core/report-key.ts";

const gzip = promisify(gzipCallback);
const gunzip = promisify(gunzipCallback);

/** Bodies above this are kept compressed, and sent so to readers that take gzip. */
const compressAboveBytes = 1_024;
/** A result is one value in Redis and one in Postgres. */
const largestBytes = 8 * 1_024 * 1_024;

/** A stored result. */
export interface Copy {
  /** The lease under which it was computed: a newer result has a higher one. */
  readonly fence: number;
  /** Instant that it is true of, ms. */
  readonly asOf: number;
  /** Hash of what it says, without when: unchanged rows have an unchanged ETag. */
  readonly etag: string;
  readonly rowCount: number;
  /** What the last computations took in the database, ms: recent ones count more. */
  readonly costMs: number;
  readonly gzip: boolean;
  /** The answer as JSON, beginning with `fresh`; compressed when `gzip`. */
  readonly body: Buffer;
}

/** Why the last computation failed. */
export interface Failure {
  /** Permanent: `report_failed`, `report_timed_out`, `report_malformed`, `report_too_large`. */
  readonly code: string;
  readonly at: number;
}

/** How the text of every body begins. */
const fresh = '{"stale":false,';

/** A result that could not be kept. */
export class ReportTooLarge extends PermanentError {
  readonly code = "report_too_large";

  constructor(sizeBytes: number) {
    super(`Expected a result of at most ${largestBytes} bytes, found ${sizeBytes}: ask for less at once`, {
      sizeBytes,
    });
  }
}

/** Write a result down. Rejects with ReportTooLarge. */
export async function toCopy(
  { report, params, canonical }: ReportPlace,
  result: { rows: readonly ReportRow[]; asOf: Date; fence: number; costMs: number },
): Promise<Copy> {
  const { rows, asOf, fence, costMs } = result;
  const { name, version, title, columns, chart } = report;
  const content = JSON.stringify({ columns, ...(chart && { chart }), rows });
  const heading = JSON.stringify({
    report: name,
    version,
    title,
    params,
    asOf: asOf.toISOString(),
    freshUntil: new Date(asOf.getTime() + report.ttlMs).toISOString(),
  });
  const text = Buffer.from(`${fresh}${heading.slice(1, -1)},${content.slice(1)}`);
  if (text.length > largestBytes) throw new ReportTooLarge(text.length);
  const etag = createHash("sha256")
    .update(`${name}\n${version}\n${canonical}\n${content}`)
    .digest("base64url")
    .slice(0, 27);
  const compressed = text.length > compressAboveBytes;
  const body = compressed ? await gzip(text) : text;
  return { fence, asOf: asOf.getTime(), etag, rowCount: rows.length, costMs, gzip: compressed, body };
}

/** The answer's JSON text. */
export async function textOf({ gzip: compressed, body }: Copy): Promise<Buffer> {
  return compressed ? gunzip(body) : body;
}

/** The answer of a copy that is stale, or whose renewal failed. */
export async function markedText(copy: Copy, stale: boolean, failure: Failure | null): Promise<Buffer> {
  const marks = { stale, ...(failure && { warning: toWarning(failure) }) };
  const text = await textOf(copy);
  return Buffer.concat([Buffer.from(`${JSON.stringify(marks).slice(0, -1)},`), text.subarray(fresh.length)]);
}

function toWarning({ code, at }: Failure) {
  const message = "The last computation failed: this is the result before it.";
  return { code, message, failedAt: new Date(at).toISOString() };
}
