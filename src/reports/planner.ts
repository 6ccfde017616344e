import type { Catalog } from "#core/catalog.ts";
import type { Clock } from "#core/clock.ts";
import { minutes, seconds } from "#core/duration.ts";
import type { Log } from "#core/handler.ts";
import type { ReportMeter } from "#core/meters.ts";
import { placeOf, type ReportPlace } from "#core/report-key.ts";
import type { PreparedReports } from "#core/services.ts";
import type { Producer } from "../producer/producer.ts";
import type { Popular, ReportCache } from "./cache.ts";
import { longestLifeMs } from "./freshness.ts";
import { computeOrder } from "./order.ts";
import { type Candidate, type Planned, type PlanTerms, plan } from "./plan.ts";
import type { ReportResults } from "./results.ts";

/** Database time for the refreshes of one run, which come every five minutes: a tenth of one connection. */
export const defaultBudgetMs = seconds(30);
const terms = {
  tenantShare: 0.5,
  leadMs: minutes(10), // two runs
  minHits: 0.5, // one read yesterday
  unknownCostMs: seconds(1),
} as const;
/** Questions looked at per tenant. */
const perTenant = 100;

/** Keeps what is popular ready. Looks at Redis for what was read, and at Postgres for what is known of it. */
export class ReportPlanner {
  readonly #catalog: Catalog;
  readonly #cache: ReportCache;
  readonly #results: ReportResults;
  readonly #producer: Producer;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #meter: ReportMeter;

  constructor(options: {
    catalog: Catalog;
    cache: ReportCache;
    results: ReportResults;
    producer: Producer;
    clock: Clock;
    log: Log;
    meter: ReportMeter;
  }) {
    this.#catalog = options.catalog;
    this.#cache = options.cache;
    this.#results = options.results;
    this.#producer = options.producer;
    this.#clock = options.clock;
    this.#log = options.log;
    this.#meter = options.meter;
  }

  /** What a run would do now. Changes nothing. Rejects when a store does not answer. */
  async plan(budgetMs: number): Promise<{ readonly terms: PlanTerms; readonly items: readonly Planned[] }> {
    const now = this.#clock.now();
    const wanted = await this.#wanted(now);
    const known = wanted.length === 0 ? [] : await this.#results.costs(wanted.map(({ place }) => place));
    const candidates = wanted.map((one, index): Candidate => ({ ...one, ...known[index]! }));
    const chosenBy = { ...terms, now, budgetMs };
    return { terms: chosenBy, items: plan(candidates, chosenBy) };
  }

  /**
   * Enqueue what the plan refreshes, behind whatever readers wait for. Also tells Redis again of the invalidations in
   * Postgres, in case it was away when they came. Safe to repeat: a question has one living computation.
   */
  async prepare(budgetMs: number, signal: AbortSignal): Promise<PreparedReports> {
    await this.#repeatInvalidations();
    const { items } = await this.plan(budgetMs);
    const chosen = items.filter(({ decision }) => decision === "refresh");
    const job = this.#catalog.get(computeOrder.job);
    for (const { place, asOf } of chosen) {
      signal.throwIfAborted();
      const order = computeOrder.payload(place, asOf);
      await this.#producer.enqueue(place.tenant, job, order, { priority: "low", tags: ["planned"] });
    }
    const plannedMs = Math.round(chosen.reduce((sum, { expectedMs }) => sum + expectedMs, 0));
    this.#meter.planned({ refreshed: chosen.length, plannedMs });
    return { considered: items.length, refreshed: chosen.length, budgetMs, plannedMs };
  }

  async #repeatInvalidations(): Promise<void> {
    const lifeMs = longestLifeMs(this.#catalog.reports);
    for (const [tenant, tags] of await this.#results.invalidations(lifeMs))
      await this.#cache.keepInvalidations(tenant, tags, lifeMs);
  }

  async #wanted(now: number): Promise<{ place: ReportPlace; hits: number }[]> {
    const wanted: { place: ReportPlace; hits: number }[] = [];
    for (const tenant of await this.#cache.tenants())
      for (const popular of await this.#cache.popular(tenant, now, perTenant)) {
        const place = this.#placeOf(tenant, popular);
        if (place) wanted.push({ place, hits: popular.hits });
      }
    return wanted;
  }

  /** `null`: asked of an earlier release, and not a question of this one. */
  #placeOf(tenant: string, { report: name, version, permission, params }: Popular): ReportPlace | null {
    const report = this.#catalog.reports.find((one) => one.name === name && one.version === version);
    const known = report?.permissions.find((one) => one === permission);
    if (!report || !known) return null;
    try {
      return placeOf(tenant, report, known, JSON.parse(params));
    } catch {
      this.#log.warn({ report: name }, "report.params_outdated");
      return null;
    }
  }
}
