import type { Catalog } from "#core/catalog.ts";
import type { Clock } from "#core/clock.ts";
import { seconds } from "#core/duration.ts";
import { InvalidInput, NightshiftError } from "#core/errors.ts";
import type { Log } from "#core/handler.ts";
import type { ComputationOutcome, ReportMeter } from "#core/meters.ts";
import { SnoozeJob } from "#core/outcome.ts";
import { tagPattern } from "#core/report.ts";
import { placeOf, type ReportPlace } from "#core/report-key.ts";
import type {
  ComputedReport,
  PreparedReports,
  ReportAttempt,
  ReportOrder,
  Reports as ReportService,
} from "#core/services.ts";
import { type Database, isConnectionError } from "../ledger/database.ts";
import type { ReportCache } from "./cache.ts";
import { compute } from "./computation.ts";
import { type Copy, toCopy } from "./copy.ts";
import { failureBackoffMs, freshness, longestLifeMs } from "./freshness.ts";
import type { ReportPlanner } from "./planner.ts";
import { ReportLeaseLost, type ReportResults } from "./results.ts";

/** How long a lease lives without renewal: so long a computation whose worker vanished holds up other jobs. */
const leaseMs = seconds(30);
/** How soon a job comes again whose question another one computes. */
const comeAgainMs = 500;

/** Computes reports and keeps their results: in Postgres for good, in Redis for speed. */
export class Reports implements ReportService {
  readonly #catalog: Catalog;
  readonly #database: Database;
  readonly #results: ReportResults;
  readonly #cache: ReportCache;
  readonly #planner: ReportPlanner;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #meter: ReportMeter;
  readonly #leaseMs: number;

  /** `database`: its connections compute, and wait as long as the longest statement may take. */
  constructor(options: {
    catalog: Catalog;
    database: Database;
    results: ReportResults;
    cache: ReportCache;
    planner: ReportPlanner;
    clock: Clock;
    log: Log;
    meter: ReportMeter;
    leaseMs?: number;
  }) {
    this.#catalog = options.catalog;
    this.#database = options.database;
    this.#results = options.results;
    this.#cache = options.cache;
    this.#planner = options.planner;
    this.#clock = options.clock;
    this.#log = options.log;
    this.#meter = options.meter;
    this.#leaseMs = options.leaseMs ?? leaseMs;
  }

  async compute(order: ReportOrder, attempt: ReportAttempt): Promise<ComputedReport> {
    const report = this.#catalog.report(order.report);
    const place = placeOf(order.tenant, report, order.permission ?? report.permissions[0]!, order.params);
    const fence = await this.#results.lease(place, attempt.jobId, this.#leaseMs);
    if (fence === null) throw new SnoozeJob("report_being_computed", comeAgainMs);
    const startedAt = performance.now();
    try {
      const present = await this.#present(place, order.newerThan);
      if (present) await this.#results.release(place, fence);
      const copy = present ?? (await this.#computeAndStore(place, fence, attempt));
      this.#tell(place, present ? "needless" : "computed", present ? null : copy.costMs);
      await this.#keep(place, copy);
      const { rowCount: rows, costMs: tookMs, body } = copy;
      const asOf = new Date(copy.asOf).toISOString();
      return { computed: !present, asOf, rows, tookMs, sizeBytes: body.length };
    } catch (error) {
      const ended = await this.#failed(place, fence, error, attempt);
      this.#tell(place, outcomeOf(error, attempt.signal), performance.now() - startedAt);
      throw ended;
    }
  }

  prepare(budgetMs: number, signal: AbortSignal): Promise<PreparedReports> {
    return this.#planner.prepare(budgetMs, signal);
  }

  async invalidate(tenant: string, tags: readonly string[]): Promise<void> {
    const problems = tags.flatMap((tag, index) =>
      tagPattern.test(tag)
        ? []
        : [{ path: `tags.${index}`, message: `Expected a tag matching ${tagPattern}`, code: "invalid_format" }],
    );
    if (problems.length > 0) throw new InvalidInput("The tags were refused", problems);
    if (tags.length === 0) return;
    const at = await this.#results.invalidate(tenant, tags);
    await this.#cache.keepInvalidations(
      tenant,
      new Map(tags.map((tag) => [tag, at])),
      longestLifeMs(this.#catalog.reports),
    );
  }

  /** A result that makes the computation needless. */
  async #present(place: ReportPlace, newerThan: string | undefined): Promise<Copy | null> {
    const found = await this.#results.find(place);
    if (!found.copy || freshness(found, place.report, this.#clock.now()) !== "fresh") return null;
    return newerThan !== undefined && found.copy.asOf <= Date.parse(newerThan) ? null : found.copy;
  }

  async #computeAndStore(place: ReportPlace, fence: number, attempt: ReportAttempt): Promise<Copy> {
    const lost = new AbortController();
    const renew = async () => {
      const held = await this.#results.renew(place, fence, this.#leaseMs).catch(() => true); // away: the fence decides
      if (!held) lost.abort(new ReportLeaseLost());
    };
    const timer = setInterval(() => void renew(), this.#leaseMs / 3);
    try {
      const { rows, asOf, tookMs } = await compute(
        this.#database,
        place,
        AbortSignal.any([attempt.signal, lost.signal]),
      );
      const copy = await toCopy(place, { rows, asOf, fence, costMs: tookMs });
      await attempt.commit((sql) => this.#results.store(sql, place, copy));
      attempt.log.info(
        { report: place.report.name, rows: rows.length, tookMs, sizeBytes: copy.body.length },
        "report.computed",
      );
      return copy;
    } finally {
      clearInterval(timer);
    }
  }

  #tell({ tenant, report }: ReportPlace, outcome: ComputationOutcome, tookMs: number | null): void {
    this.#meter.computation({ tenant, report: report.name, outcome, tookMs });
  }

  /** Redis may be away: then readers find the result in Postgres. */
  async #keep(place: ReportPlace, copy: Copy): Promise<void> {
    const { ttlMs, staleMs } = place.report;
    await this.#cache.keep(place, copy, copy.asOf + ttlMs + staleMs - this.#clock.now()).catch((error: Error) => {
      this.#log.warn({ report: place.report.name, error: error.message }, "report.not_cached");
    });
  }

  /** What the attempt ends with. A failure is remembered, so that readers do not ask for the same again and again. */
  async #failed(place: ReportPlace, fence: number, error: unknown, attempt: ReportAttempt): Promise<unknown> {
    if (error instanceof ReportLeaseLost) return new SnoozeJob("report_lease_lost", comeAgainMs);
    if (!isOurs(error) || attempt.signal.aborted) {
      if (!isConnectionError(error)) await this.#results.release(place, fence).catch(() => undefined);
      return error;
    }
    attempt.log.warn({ report: place.report.name, code: error.code, ...error.details }, "report.failed");
    attempt.log.debug({ err: error.cause }, "report.failed");
    const failure = await this.#results.storeFailure(place, fence, error.code);
    if (failure) await this.#cache.keepFailure(place, failure, failureBackoffMs).catch(() => undefined);
    return error;
  }
}

/** A failure of the report itself. */
function isOurs(error: unknown): error is NightshiftError {
  return error instanceof NightshiftError && error.code.startsWith("report_");
}

function outcomeOf(error: unknown, signal: AbortSignal): ComputationOutcome {
  if (error instanceof ReportLeaseLost) return "lost";
  if (!isOurs(error) || signal.aborted) return "interrupted";
  return error.code === "report_timed_out" ? "timed-out" : "failed";
}
