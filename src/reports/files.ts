import { setTimeout as pause } from "node:timers/promises";
import type { Catalog } from "#core/catalog.ts";
import type { Clock } from "#core/clock.ts";
import { seconds } from "#core/duration.ts";
import { InvalidInput } from "#core/errors.ts";
import { SnoozeJob } from "#core/outcome.ts";
import { type ReportFile, type ReportFiles, ReportUnprintable } from "#core/report-delivery.ts";
import { placeOf, type ReportPlace } from "#core/report-key.ts";
import type { BlobStore } from "#core/services.ts";
import type { JobReader, JobView } from "../ledger/job-reader.ts";
import { isTerminal } from "../ledger/job-state.ts";
import type { Producer } from "../producer/producer.ts";
import type { Copy } from "./copy.ts";
import { textOf } from "./copy.ts";
import { csvName, toCsv } from "./csv.ts";
import { backsOff, failureBackoffMs, freshness } from "./freshness.ts";
import { computeOrder } from "./order.ts";
import type { ReportPrints } from "./prints.ts";
import { ReportUnavailable } from "./reader.ts";
import type { ReportResults } from "./results.ts";

/** How long a job that wants a file holds its slot for the jobs that make it; then it comes again. */
const holdMs = seconds(5);
const comeAgainMs = seconds(2);
const lookEveryMs = 100;

/** Files of reports for those who do not read but send them. What must be computed or printed is, by jobs of its own. */
export class ReportFileMaker implements ReportFiles {
  readonly #catalog: Catalog;
  readonly #results: ReportResults;
  readonly #prints: ReportPrints;
  readonly #producer: Producer;
  readonly #reader: JobReader;
  readonly #blobs: BlobStore;
  readonly #clock: Clock;

  constructor(options: {
    catalog: Catalog;
    results: ReportResults;
    prints: ReportPrints;
    producer: Producer;
    reader: JobReader;
    blobs: BlobStore;
    clock: Clock;
  }) {
    this.#catalog = options.catalog;
    this.#results = options.results;
    this.#prints = options.prints;
    this.#producer = options.producer;
    this.#reader = options.reader;
    this.#blobs = options.blobs;
    this.#clock = options.clock;
  }

  /** The result is that of the report's weakest permission: a file has no readers whose role could be asked for. */
  async make(
    { tenant, report: name, params, format }: Parameters<ReportFiles["make"]>[0],
    signal: AbortSignal,
  ): Promise<ReportFile> {
    const report = this.#catalog.report(name);
    const place = placeOf(tenant, report, report.permissions[0]!, params);
    const until = performance.now() + holdMs;
    const ended = (jobId: string) => this.#ended(tenant, jobId, until, signal);
    const copy = await this.#fresh(place, ended);
    return format === "csv" ? this.#csv(place, copy) : this.#pdf(place, copy, ended);
  }

  /** A stale result is not sent: nobody would be told that it is. */
  async #fresh(place: ReportPlace, ended: (jobId: string) => Promise<JobView | undefined>): Promise<Copy> {
    for (;;) {
      const looked = await this.#results.find(place);
      const now = this.#clock.now();
      const { copy, failure } = looked;
      if (copy && freshness(looked, place.report, now) === "fresh") return copy;
      if (failure && backsOff(looked, now))
        throw new ReportUnavailable(failure.code, failure.at + failureBackoffMs - now);
      const order = computeOrder.payload(place, copy?.asOf ?? null);
      const { id } = await this.#producer.enqueue(place.tenant, this.#catalog.get(computeOrder.job), order);
      const view = await ended(id);
      if (!view) throw new SnoozeJob("report_being_computed", comeAgainMs);
      if (view.state !== "completed") throw new ReportUnavailable(view.error?.code ?? view.state, comeAgainMs);
    }
  }

  async #csv(place: ReportPlace, copy: Copy): Promise<ReportFile> {
    const { columns, rows } = JSON.parse((await textOf(copy)).toString());
    const kept = await this.#blobs.put(Buffer.from(toCsv(columns, rows)));
    return toFile(place, copy, { ...kept, contentType: "text/csv; charset=utf-8", fileName: csvName(place) });
  }

  async #pdf(
    place: ReportPlace,
    copy: Copy,
    ended: (jobId: string) => Promise<JobView | undefined>,
  ): Promise<ReportFile> {
    const printed = await this.#prints.print(place, copy, ended).catch((error: unknown) => {
      throw error instanceof InvalidInput ? new ReportUnprintable(error.problems[0]?.path ?? "", error) : error;
    });
    if (!("version" in printed)) throw new SnoozeJob("report_being_printed", comeAgainMs);
    return toFile(place, copy, printed.version);
  }

  /** The job when it has ended; `undefined` when it takes too long. Rejects with the signal's reason. */
  async #ended(tenant: string, jobId: string, until: number, signal: AbortSignal): Promise<JobView | undefined> {
    for (;;) {
      signal.throwIfAborted();
      const view = await this.#reader.find(tenant, jobId);
      if (view && isTerminal(view.state)) return view;
      if (performance.now() >= until) return undefined;
      await pause(lookEveryMs, undefined, { signal }).catch(() => undefined);
    }
  }
}

function toFile(
  { report: { title } }: ReportPlace,
  { asOf, rowCount }: Copy,
  { sha256, sizeBytes, contentType, fileName }: Omit<ReportFile, "title" | "asOf" | "rows">,
): ReportFile {
  return { title, sha256, sizeBytes, contentType, fileName, asOf: new Date(asOf).toISOString(), rows: rowCount };
}
