import { Counter, collectDefaultMetrics, Gauge, Histogram, type Registry } from "prom-client";
import { type Clock, systemClock } from "#core/clock.ts";
import type { Log } from "#core/handler.ts";
import type { QueueDefinition } from "#core/queue.ts";
import type { EngineCounts } from "../engines/engine.ts";
import type { QueueDepth } from "../ledger/job-reader.ts";
import { openStates } from "../ledger/job-state.ts";
import type { Receipt } from "../producer/receipt.ts";
import type { AttemptEnd } from "../worker/attempt.ts";
import { durationBuckets } from "./buckets.ts";
import { FamilyMeters } from "./family-meters.ts";
import { combineDepths, type Depth } from "./queue-depth.ts";
import { StoreGauges } from "./store-gauges.ts";
import type { TenantLabels } from "./tenant-labels.ts";

/** How many slots this process gives a queue, and how many of them work. */
export interface SlotUse {
  readonly queue: string;
  readonly slots: number;
  readonly used: number;
}

/** What gauges look at when the page is asked for. A process leaves out what it does not have. */
export interface MetricSources {
  /** Depths of all queues: for processes that can reach both stores (api, scheduler). */
  readonly depths?: {
    readonly queues: readonly QueueDefinition[];
    readonly ledger: () => Promise<readonly QueueDepth[]>;
    readonly engine: (queue: QueueDefinition) => Promise<EngineCounts>;
  };
  /** How many incidents are open, by kind: for processes that look after the house (api, scheduler). */
  readonly incidents?: () => Promise<ReadonlyMap<string, number>>;
  /** How far the sweep of reminders and the people who look after it are behind: for the same processes. */
  readonly reminders?: () => Promise<{ readonly sweepLagMs: number; readonly unknown: number }>;
  /** How the breakers of model providers stand: for worker processes. */
  readonly breakers?: () => Promise<readonly { readonly provider: string; readonly isOpen: boolean }[]>;
  /** For worker processes. */
  readonly slots?: () => readonly SlotUse[];
  readonly silences?: () => readonly { readonly queue: string; readonly silentMs: number }[];
}

/**
 * What this process tells Prometheus (`docs/metrics.md`). Counters and histograms are fed by the producer and the worker
 * as things happen; gauges look when the page is asked for. A source that fails leaves its gauges out of that page.
 */
export class Metrics {
  readonly registry: Registry;
  readonly #tenants: TenantLabels;
  readonly #gauges: StoreGauges;
  readonly #accepted: Counter<"job" | "queue" | "tenant">;
  readonly #attempts: Counter<"job" | "queue" | "tenant" | "outcome">;
  readonly #wait: Histogram<"job" | "queue">;
  readonly #run: Histogram<"job" | "queue">;
  readonly #abandoned: Counter<"job">;
  readonly #rebuilds: Counter<"queue">;

  /** `families`: what the runtime tells, when this process has one. */
  constructor(options: {
    sources?: MetricSources;
    families?: FamilyMeters;
    log: Log;
    clock?: Clock;
    tenantLimit?: number;
  }) {
    const { sources = {}, log, clock = systemClock } = options;
    const { registry, tenants } = options.families ?? new FamilyMeters({ tenantLimit: options.tenantLimit });
    this.registry = registry;
    this.#tenants = tenants;
    this.#gauges = new StoreGauges({ registry, log, clock });
    const registers = [registry];
    this.#accepted = new Counter({
      name: "nightshift_jobs_accepted_total",
      help: "Jobs this process accepted. A job that joined a living duplicate is not counted.",
      labelNames: ["job", "queue", "tenant"],
      registers,
    });
    this.#attempts = new Counter({
      name: "nightshift_attempts_total",
      help: "Attempts that ended in this process, by outcome; dead: the job's last attempt failed.",
      labelNames: ["job", "queue", "tenant", "outcome"],
      registers,
    });
    const durations = { labelNames: ["job", "queue"] as const, buckets: durationBuckets, registers };
    this.#wait = new Histogram({
      name: "nightshift_job_wait_seconds",
      help: "From due to start, per attempt.",
      ...durations,
    });
    this.#run = new Histogram({
      name: "nightshift_job_run_seconds",
      help: "From start to end, per attempt.",
      ...durations,
    });
    this.#abandoned = new Counter({
      name: "nightshift_handlers_abandoned_total",
      help: "Handlers that ignored their aborted signal and were left behind.",
      labelNames: ["job"],
      registers,
    });
    this.#rebuilds = new Counter({
      name: "nightshift_pool_rebuilds_total",
      help: "Pools that took nothing although work was ready, and were given a new consumer.",
      labelNames: ["queue"],
      registers,
    });
    if (sources.silences) this.#gaugeSilences(sources.silences);
    if (sources.depths) this.#gaugeDepths(sources.depths);
    if (sources.incidents) this.#gaugeIncidents(sources.incidents);
    if (sources.reminders) this.#gaugeReminders(sources.reminders);
    if (sources.breakers) this.#gaugeBreakers(sources.breakers);
    if (sources.slots) this.#gaugeSlots(sources.slots);
    collectDefaultMetrics({ register: this.registry });
  }

  /** Content type of the page. */
  get contentType(): string {
    return this.registry.contentType;
  }

  /** The page. Never rejects because a store is away. */
  text(): Promise<string> {
    return this.registry.metrics();
  }

  /** For the producer's `onAccepted`. */
  accepted({ job, queue, tenant, duplicate }: Receipt): void {
    if (!duplicate) this.#accepted.inc({ job, queue, tenant: this.#tenants.of(tenant) });
  }

  /** For the worker host's `onEnd`. */
  attemptEnded({ job, tenant, outcome, waitMs, runMs }: AttemptEnd): void {
    const labels = { job: job.name, queue: job.queue.name };
    this.#attempts.inc({ ...labels, tenant: this.#tenants.of(tenant), outcome });
    // A job promoted by hand starts before it was due.
    this.#wait.observe(labels, Math.max(0, waitMs) / 1_000);
    this.#run.observe(labels, Math.max(0, runMs) / 1_000);
  }

  /** For the worker host's `onAbandoned`. */
  handlerAbandoned(job: string): void {
    this.#abandoned.inc({ job });
  }

  /** For the worker host's `onRebuilt`. */
  poolRebuilt(queue: string): void {
    this.#rebuilds.inc({ queue });
  }

  #gaugeSilences(silences: NonNullable<MetricSources["silences"]>): void {
    new Gauge({
      name: "nightshift_silence_seconds",
      help: "For how long work has been ready and slots free while nothing was taken; 0 when that is not so.",
      labelNames: ["queue"],
      registers: [this.registry],
      collect() {
        this.reset();
        for (const { queue, silentMs } of silences()) this.set({ queue }, silentMs / 1_000);
      },
    });
  }

  #gaugeDepths(source: NonNullable<MetricSources["depths"]>): void {
    this.#gauges.add("depths", () => this.#readDepths(source), [
      {
        name: "nightshift_queue_depth",
        help: "Open jobs by queue and state (docs/lifecycle.md).",
        labelNames: ["queue", "state"],
        values: (depths) =>
          depths.flatMap(({ queue, counts }) => openStates.map((state) => [{ queue, state }, counts[state]] as const)),
      },
      {
        name: "nightshift_queue_oldest_waiting_seconds",
        help: "For how long the oldest job of the queue that no worker holds has been due; 0 when none is.",
        labelNames: ["queue"],
        values: (depths) => depths.map(({ queue, oldestWaitingMs }) => [{ queue }, oldestWaitingMs / 1_000] as const),
      },
    ]);
  }

  #gaugeIncidents(source: NonNullable<MetricSources["incidents"]>): void {
    this.#gauges.add("incidents", source, [
      {
        name: "nightshift_incidents_open",
        help: "Incidents that go on, by kind (GET /v1/incidents). A kind without any is left out.",
        labelNames: ["kind"],
        values: (incidents) => [...incidents].map(([kind, count]) => [{ kind }, count] as const),
      },
    ]);
  }

  #gaugeReminders(source: NonNullable<MetricSources["reminders"]>): void {
    this.#gauges.add("reminders", source, [
      {
        name: "nightshift_reminder_sweep_lag_seconds",
        help: "For how long the oldest planned message that no sweep has given a job has been due; 0 when none is.",
        values: ({ sweepLagMs }) => [[{}, sweepLagMs / 1_000]],
      },
      {
        name: "nightshift_reminder_deliveries_unknown",
        help: "Messages of which nobody knows whether they arrived (GET /v1/reminders/deliveries?state=unknown).",
        values: ({ unknown }) => [[{}, unknown]],
      },
    ]);
  }

  #gaugeBreakers(source: NonNullable<MetricSources["breakers"]>): void {
    this.#gauges.add("breakers", source, [
      {
        name: "nightshift_ai_breaker_open",
        help: "1 while a provider is left alone because it failed, until a probe was answered; else 0.",
        labelNames: ["provider"],
        values: (breakers) => breakers.map(({ provider, isOpen }) => [{ provider }, isOpen ? 1 : 0] as const),
      },
    ]);
  }

  #gaugeSlots(slots: () => readonly SlotUse[]): void {
    const gauge = (name: string, help: string, value: (use: SlotUse) => number) =>
      new Gauge({
        name,
        help,
        labelNames: ["queue"],
        registers: [this.registry],
        collect() {
          this.reset();
          for (const use of slots()) this.set({ queue: use.queue }, value(use));
        },
      });
    gauge("nightshift_slots", "Jobs this process can run at once, per queue.", (use) => use.slots);
    gauge("nightshift_slots_used", "Jobs this process runs now, per queue.", (use) => use.used);
  }

  async #readDepths(source: NonNullable<MetricSources["depths"]>): Promise<readonly Depth[]> {
    const inEngine = source.queues.filter((queue) => queue.durability === "redis");
    const engines = new Map<string, EngineCounts>();
    const askEngine = async (queue: QueueDefinition) => {
      const depth = await this.#gauges.look(`engine of ${queue.name}`, () => source.engine(queue));
      if (depth) engines.set(queue.name, depth);
    };
    const [ledger] = await Promise.all([source.ledger(), ...inEngine.map(askEngine)]);
    return combineDepths(source.queues, ledger, engines);
  }
}
