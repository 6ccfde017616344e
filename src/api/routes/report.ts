import type { Request, Response } from "express";
import { z } from "zod";
import type { Catalog } from "#core/catalog.ts";
import type { Clock } from "#core/clock.ts";
import { seconds } from "#core/duration.ts";
import { InvalidInput } from "#core/errors.ts";
import { toProblems } from "#core/problems.ts";
import { type ReportDefinition, reservedParams } from "#core/report.ts";
import { placeOf, type ReportPlace, strongest } from "#core/report-key.ts";
import type { BlobStore } from "#core/services.ts";
import { may } from "../../access/principal.ts";
import { type Copy, markedText, textOf } from "../../reports/copy.ts";
import { csvName, toCsv } from "../../reports/csv.ts";
import type { ReportPrints } from "../../reports/prints.ts";
import { type Read, type ReportReader, ReportUnavailable } from "../../reports/reader.ts";
import { type Caller, oneTenant } from "../authenticate.ts";
import { contentDisposition } from "../content-disposition.ts";
import { matches } from "../etag.ts";
import type { JobWatch } from "../job-watch.ts";
import type { Operation } from "../operation.ts";
import { Refusal } from "../problem.ts";
import { sendPrint } from "../report-print.ts";
import { computingReport, reportAnswer } from "../report-shapes.ts";
import { waitText } from "../wait.ts";
import { waitForEnd } from "./job.ts";

const defaultWaitMs = seconds(5);

const how = z.strictObject({
  format: z
    .enum(["json", "csv", "pdf"])
    .default("json")
    .describe("How to write it. `pdf`: a document with a chart, made by `documents.generate`."),
  wait: waitText
    .optional()
    .describe("How long to wait for a result that is not there: `500ms`, `30s`, `1m` (the most). Default: 5s."),
  stale: z
    .enum(["true", "false"])
    .default("true")
    .describe("`false`: wait for a new result rather than get a stale one."),
});

/**
 * GET /v1/reports/{name}: the present result, from Redis if it is there.
 * 200 · 202 it is being computed, ask again · 304 you have it · 403 · 404 unknown report · 422 parameters refused, each with
 * its path · 503 it cannot be computed.
 */
export function reportRoute(deps: {
  catalog: Catalog;
  reportReader: ReportReader;
  reports: { readonly prints: ReportPrints };
  blobs: BlobStore;
  watch: JobWatch;
  clock: Clock;
}): Operation {
  const { catalog, reportReader, reports, blobs, watch, clock } = deps;
  return {
    name: "reports.get",
    tag: "Reports",
    method: "get",
    path: "/v1/reports/{name}",
    summary: "Read a report",
    needs: "read",
    headers: {
      "Nightshift-Tenant": "Whose report. Needed with a key that may act for any tenant.",
      "If-None-Match": "ETags that you have.",
    },
    variants: catalog.reports.map((report) => ({
      name: `reports.${report.name}`,
      path: `/v1/reports/${report.name}`,
      summary: `Read ${report.name}`,
      description: describe(report),
      query: z.strictObject({ ...report.params.shape, ...how.shape }),
    })),
    answers: {
      200: {
        description: "The result. `format=csv` answers `text/csv`, `format=pdf` `application/pdf`.",
        schema: reportAnswer,
        headers: {
          ETag: "Of the rows: unchanged as long as they are, however often they were computed.",
          Age: "Seconds since `asOf`.",
          "Report-As-Of": "Instant that the rows are true of.",
          "Report-Stale": "`?1`: stale, and a new one is being computed.",
        },
      },
      202: {
        description: "There is no result yet, or no PDF of it: it is being made. Ask again.",
        schema: computingReport,
        headers: { Location: "The job that makes it.", "Retry-After": "Seconds to wait before you ask again." },
      },
      304: { description: "You have these rows. The headers say how old they are." },
    },
    problems: ["unknown_report", "report_unavailable", "invalid_input", "tenant_required"],
    async handle({ req, res, caller }) {
      const report = catalog.report(String(req.params.name));
      const { place, format, waitMs, acceptsStale } = readQuestion(req, report, caller);
      const until = performance.now() + waitMs;
      const gone = new AbortController();
      res.once("close", () => {
        if (!res.writableFinished) gone.abort(); // an abort makes an error with a stack: not for answers that are out
      });
      const terms = { waitMs, acceptsStale, signal: gone.signal };
      const read = await reportReader.read(place, terms).catch(refuse);
      if (read.kind === "computing") return answerComputing(res, req, read.jobId);
      describeCopy(res, read, clock.now());
      if (matches(req.headers["if-none-match"], etagOf(read.copy))) return void res.status(304).end();
      if (format === "csv") return answerCsv(res, place, read.copy);
      if (format === "pdf") {
        const wait = (jobId: string) =>
          waitForEnd(watch, place.tenant, jobId, Math.max(0, until - performance.now()), res);
        const printed = await reports.prints.print(place, read.copy, wait).catch(refuse);
        if ("version" in printed) return sendPrint(res, blobs, printed.version);
        for (const name of ["ETag", "Age"]) res.removeHeader(name);
        return answerComputing(res, req, printed.jobId);
      }
      return answerJson(req, res, read);
    },
  };
}

function describe(report: ReportDefinition): string {
  const { summary, ttlMs, staleMs, permissions } = report;
  const h = (ms: number) => `${Math.round(ms / 36_000) / 100} h`;
  return (
    `${summary}\n\nFresh for ${h(ttlMs)}, then served for ${h(staleMs)} more, marked as stale, while a new one is computed.` +
    (permissions.includes("read") ? "" : " Takes a key that may operate.")
  );
}

/** Everything that is wrong with a query, in one answer. Throws InvalidInput, or Refusal `forbidden` or `tenant_required`. */
function readQuestion(req: Request, report: ReportDefinition, caller: Caller) {
  const tenant = oneTenant(caller);
  const permission = strongest(report, (needed) => may(caller, needed));
  if (!permission)
    throw new Refusal("forbidden", `Expected a role that may ${report.permissions[0]}, found ${caller.role}`);
  const entries = Object.entries(req.query);
  const own = (isReserved: boolean) =>
    Object.fromEntries(entries.filter(([name]) => (reservedParams as readonly string[]).includes(name) === isReserved));
  const asked = how.safeParse(own(true));
  const problems = asked.error?.issues.flatMap((issue) => toProblems(issue, [])) ?? [];
  const place = placed(() => placeOf(tenant, report, permission, own(false)));
  if (place instanceof InvalidInput) problems.push(...place.problems);
  if (place instanceof InvalidInput || !asked.data) throw new InvalidInput("The query was refused", problems);
  const { format, wait = defaultWaitMs, stale } = asked.data;
  return { place, format, waitMs: wait, acceptsStale: stale === "true" };
}

function placed(make: () => ReportPlace): ReportPlace | InvalidInput {
  try {
    return make();
  } catch (error) {
    if (error instanceof InvalidInput) return error;
    throw error;
  }
}

/** Weak: the same for JSON and CSV, compressed or not, stale or fresh, as long as the rows are the same. */
function etagOf({ etag }: Copy): string {
  return `W/"${etag}"`;
}

function describeCopy(res: Response, { copy, stale }: Read & { kind: "ready" }, now: number): void {
  res.set({
    ETag: etagOf(copy),
    Age: String(Math.max(0, Math.floor((now - copy.asOf) / 1_000))),
    "Report-As-Of": new Date(copy.asOf).toISOString(),
    "Report-Stale": stale ? "?1" : "?0",
    "Cache-Control": "private, no-cache", // kept by its reader, and asked for again with its ETag
    Vary: "Authorization, Nightshift-Tenant, Accept-Encoding",
  });
}

/** A fresh copy goes out as it is kept, compressed or not; one that must be marked, or unpacked, is rewritten. */
async function answerJson(req: Request, res: Response, { copy, stale, failure }: Read & { kind: "ready" }) {
  res.type("application/json");
  if (stale || failure) return void res.send(await markedText(copy, stale, failure));
  if (!copy.gzip) return void res.send(copy.body);
  if (req.acceptsEncodings("gzip") !== "gzip") return void res.send(await textOf(copy));
  res.setHeader("Content-Encoding", "gzip");
  res.send(copy.body);
}

async function answerCsv(res: Response, place: ReportPlace, copy: Copy) {
  const { columns, rows } = JSON.parse((await textOf(copy)).toString());
  res.setHeader("Content-Type", "text/csv; charset=utf-8; header=present");
  res.setHeader("Content-Disposition", contentDisposition("attachment", csvName(place)));
  res.send(toCsv(columns, rows));
}

function answerComputing(res: Response, req: Request, jobId: string): void {
  const job = `/v1/jobs/${jobId}`;
  res.status(202).location(job).set("Retry-After", "1");
  res.json({ jobId, links: { job, report: req.originalUrl } });
}

function refuse(error: unknown): never {
  if (!(error instanceof ReportUnavailable)) throw error;
  throw new Refusal("report_unavailable", error.message, {
    "Retry-After": String(Math.max(1, Math.ceil(error.retryInMs / 1_000))),
  });
}
