import type { z } from "zod";
import type { computingReport, reportAnswer, reportPlan, reportTypes } from "../api/report-shapes.ts";
import type { Http } from "./http.ts";
import { queryOf } from "./pages.ts";
import { pause } from "./pause.ts";

/** What can be asked: parameters as JSON Schema, columns, and for how long a result is good. */
export type ReportType = z.output<typeof reportTypes>["items"][number];
/** A result with its age. */
export type Report = z.output<typeof reportAnswer>;
export type ReportPlan = z.output<typeof reportPlan>;
export type ReportParams = Readonly<Record<string, string | number | boolean | undefined>>;

/** What a read found: the rows, that you have them already, or that they are still being computed by this job. */
export type ReportReading =
  | { readonly state: "ready"; readonly report: Report; readonly etag: string }
  | { readonly state: "unchanged"; readonly etag: string }
  | { readonly state: "computing"; readonly jobId: string };

/** The same as a file: its bytes are the Response's body. */
export type ReportFile =
  | { readonly state: "ready"; readonly response: Response }
  | { readonly state: "computing"; readonly jobId: string };

export interface ReadOptions {
  /** How long to wait for a result that is not there. Default: as long as it takes. */
  readonly timeoutMs?: number;
  /** `false`: wait for a new result rather than get a stale one. */
  readonly stale?: boolean;
  readonly signal?: AbortSignal;
}

const waitPerRequestMs = 30_000; // within the patience of the usual proxies (60 s)
const againMs = 1_000;

/** Questions that are asked often. Rejects with ProblemError, `unknown_report` and `report_unavailable` among others. */
export class ReportCalls {
  readonly #http: Http;

  constructor(http: Http) {
    this.#http = http;
  }

  async list(): Promise<readonly ReportType[]> {
    return (await this.#http.json<{ items: ReportType[] }>("/v1/reports")).items;
  }

  /** The present result. `etag`: of the one that you have, so that unchanged rows are not sent again. */
  async read(
    name: string,
    params: ReportParams = {},
    { etag, ...options }: ReadOptions & { readonly etag?: string } = {},
  ): Promise<ReportReading> {
    const found = await this.#ask(name, { ...params, format: "json" }, options, etag);
    if (found.state === "computing") return found;
    const { response } = found;
    const present = response.headers.get("etag") ?? "";
    if (response.status === 304) return { state: "unchanged", etag: present };
    return { state: "ready", report: (await response.json()) as Report, etag: present };
  }

  /** The present result as CSV, or as a PDF with its chart. */
  file(name: string, format: "csv" | "pdf", params: ReportParams = {}, options: ReadOptions = {}): Promise<ReportFile> {
    return this.#ask(name, { ...params, format }, options);
  }

  /** What is kept ready, and why. `budgetMs`: database time to plan for; default: that of the scheduler's runs. */
  plan(options: { readonly budgetMs?: number } = {}): Promise<ReportPlan> {
    return this.#http.json(`/v1/reports/plan?${queryOf({ ...options })}`);
  }

  /** Results with one of these tags are stale from now on. Call it after your commit; safe to repeat. */
  async invalidate(tags: readonly string[]): Promise<void> {
    await this.#http.send("/v1/reports/invalidations", { body: { tags } });
  }

  async #ask(
    name: string,
    params: ReportParams,
    { timeoutMs = Number.POSITIVE_INFINITY, stale, signal }: ReadOptions,
    etag?: string,
  ): Promise<ReportFile> {
    const until = Date.now() + timeoutMs;
    for (;;) {
      const left = Math.max(0, until - Date.now());
      const wait = `${Math.ceil(Math.min(left, waitPerRequestMs))}ms`;
      const headers = etag === undefined ? {} : { "if-none-match": etag };
      const address = `/v1/reports/${encodeURIComponent(name)}?${queryOf({ ...params, stale, wait })}`;
      const response = await this.#http.send(address, { headers, signal });
      if (response.status !== 202) return { state: "ready", response };
      const { jobId } = (await response.json()) as z.output<typeof computingReport>;
      if (Date.now() >= until) return { state: "computing", jobId };
      await pause(Math.min(until - Date.now(), againMs), signal);
    }
  }
}
