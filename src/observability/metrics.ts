import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import { type Clock, systemClock } from "#core/clock.ts";
import { seconds } from "#core/duration.ts";
import type { Log } from "#core/handler.ts";
import type { QueueDefinition } from "#core/queue.ts";
import type { EngineCounts } from "../engines/engine.ts";
import type { QueueDepth } from "../ledger/job-reader.ts";
import { openStates } from "../ledger/job-state.ts";
import type { Receipt } from "../producer/receipt.ts";
import type { AttemptEnd } from "../worker/attempt.ts";
import { Cached } from "./cached.ts";
import { withDeadline } from "./deadline.ts";
import { combineDepths, type Depth } from "./queue-depth.ts";
import { TenantLabels } from "./tenant-labels.ts";

/** 1 ms to 10 min, in steps of at most 2.5: fine enough for a p99 that can be compared. */
const durationBuckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 60, 120, 300, 600];
/** Counting every open job costs a scan: whoever scrapes how often, it is done once in this time. */
const depthsFreshMs = seconds(5);
/** A store that is away must not hold up a scrape: the rest of the page is what explains the outage. */
const collectTimeoutMs = seconds(2);

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
  /** For worker processes. */
  readonly slots?: () => readonly SlotUse[];
  readonly silences?: () => readonly { readonly queue: string; readonly silentMs: number }[];
}

/**
 * What this process tells Prometheus (`docs/metrics.md`). Counters and histograms are fed by the producer and the worker
 * as things happen; gauges look when the page is asked for. A source that fails leaves its gauges out of that page.
 */
export class Metrics {
  readonly registry = new Registry();
  readonly #tenants: TenantLabels;
  readonly #log: Log;
  readonly #accepted: Counter<"job" | "queue" | "tenant">;
  readonly #attempts: Counter<"job" | "queue" | "tenant" | "outcome">;
  readonly #wait: Histogram<"job" | "queue">;
  readonly #run: Histogram<"job" | "queue">;
  readonly #abandoned: Counter<"job">;
  readonly #rebuilds: Counter<"queue">;

  constructor(options: { sources?: MetricSources; log: Log; clock?: Clock; tenantLimit?: number }) {
    const { sources = {}, clock = systemClock } = options;
    const registers = [this.registry];
    this.#log = options.log;
    this.#tenants = new TenantLabels(options.tenantLimit);
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
    if (sources.depths) this.#gaugeDepths(sources.depths, clock);
    if (sources.incidents) this.#gaugeIncidents(sources.incidents, clock);
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

  #gaugeDepths(source: NonNullable<MetricSources["depths"]>, clock: Clock): void {
    const depths = new Cached(depthsFreshMs, clock, () => withDeadline(collectTimeoutMs, this.#readDepths(source)));
    const read = () => this.#look("depths", () => depths.get());
    const registers = [this.registry];
    new Gauge({
      name: "nightshift_queue_depth",
      help: "Open jobs by queue and state (docs/lifecycle.md).",
      labelNames: ["queue", "state"],
      registers,
      async collect() {
        const found = await read();
        this.reset();
        for (const { queue, counts } of found ?? [])
          for (const state of openStates) this.set({ queue, state }, counts[state]);
      },
    });
    new Gauge({
      name: "nightshift_queue_oldest_waiting_seconds",
      help: "For how long the oldest job of the queue that no worker holds has been due; 0 when none is.",
      labelNames: ["queue"],
      registers,
      async collect() {
        const found = await read();
        this.reset();
        for (const { queue, oldestWaitingMs } of found ?? []) this.set({ queue }, oldestWaitingMs / 1_000);
      },
    });
  }

  #gaugeIncidents(source: NonNullable<MetricSources["incidents"]>, clock: Clock): void {
    const incidents = new Cached(depthsFreshMs, clock, () => withDeadline(collectTimeoutMs, source()));
    const read = () => this.#look("incidents", () => incidents.get());
    new Gauge({
      name: "nightshift_incidents_open",
      help: "Incidents that go on, by kind (GET /v1/incidents). A kind without any is left out.",
      labelNames: ["kind"],
      registers: [this.registry],
      async collect() {
        const found = await read();
        this.reset();
        for (const [kind, count] of found ?? []) this.set({ kind }, count);
      },
    });
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
      const depth = await this.#look(`engine of ${queue.name}`, () => source.engine(queue));
      if (depth) engines.set(queue.name, depth);
    };
    const [ledger] = await Promise.all([source.ledger(), ...inEngine.map(askEngine)]);
    return combineDepths(source.queues, ledger, engines);
  }

  async #look<T>(source: string, read: () => Promise<T>): Promise<T | null> {
    try {
      return await read();
    } catch (error) {
      this.#log.warn({ source, error: (error as Error).message }, "metrics.source_failed");
      return null;
    }
  }
}
