import { Counter, Histogram, type Registry } from "prom-client";
import type { ReportMeter } from "#core/meters.ts";
import { durationBuckets } from "./buckets.ts";
import type { TenantLabels } from "./tenant-labels.ts";

/** How reports were read and computed, and what the planner ordered. Nothing of their parameters. */
export class PrometheusReportMeter implements ReportMeter {
  readonly #tenants: TenantLabels;
  readonly #reads: Counter<"report" | "outcome" | "tenant">;
  readonly #computations: Counter<"report" | "outcome" | "tenant">;
  readonly #duration: Histogram<"report">;
  readonly #planned: Counter;
  readonly #plannedSeconds: Counter;

  constructor(registry: Registry, tenants: TenantLabels) {
    const registers = [registry];
    this.#tenants = tenants;
    this.#reads = new Counter({
      name: "nightshift_report_reads_total",
      help: "Reads by outcome: hit, stale, wait (for a computation), miss (told to come again), unavailable.",
      labelNames: ["report", "outcome", "tenant"],
      registers,
    });
    this.#computations = new Counter({
      name: "nightshift_report_computations_total",
      help: "Computations by outcome: computed, needless, failed, timed-out, lost, interrupted.",
      labelNames: ["report", "outcome", "tenant"],
      registers,
    });
    this.#duration = new Histogram({
      name: "nightshift_report_computation_seconds",
      help: "Time in the database of computations, also of those that did not end well.",
      labelNames: ["report"],
      buckets: durationBuckets,
      registers,
    });
    this.#planned = new Counter({
      name: "nightshift_report_refreshes_planned_total",
      help: "Refreshes that the planner ordered.",
      registers,
    });
    this.#plannedSeconds = new Counter({
      name: "nightshift_report_planned_seconds_total",
      help: "Database time that the planner spent of its budget: what it expected its refreshes to take.",
      registers,
    });
  }

  read({ tenant, report, outcome }: Parameters<ReportMeter["read"]>[0]): void {
    this.#reads.inc({ report, outcome, tenant: this.#tenants.of(tenant) });
  }

  computation({ tenant, report, outcome, tookMs }: Parameters<ReportMeter["computation"]>[0]): void {
    this.#computations.inc({ report, outcome, tenant: this.#tenants.of(tenant) });
    if (tookMs !== null) this.#duration.observe({ report }, tookMs / 1_000);
  }

  planned({ refreshed, plannedMs }: Parameters<ReportMeter["planned"]>[0]): void {
    this.#planned.inc(refreshed);
    this.#plannedSeconds.inc(plannedMs / 1_000);
  }
}
