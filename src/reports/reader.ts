import { setTimeout as delay, setImmediate as endOfTurn } from "node:timers/promises";
import type { Catalog } from "#core/catalog.ts";
import type { Clock } from "#core/clock.ts";
import { minutes } from "#core/duration.ts";
import { NightshiftError } from "#core/errors.ts";
import type { Log } from "#core/handler.ts";
import type { ReadOutcome, ReportMeter } from "#core/meters.ts";
import type { ReportPlace } from "#core/report-key.ts";
import type { JobView } from "../ledger/job-reader.ts";
import { isTerminal } from "../ledger/job-state.ts";
import type { Producer } from "../producer/producer.ts";
import { type Looked, type ReportCache, unknown } from "./cache.ts";
import type { Copy, Failure } from "./copy.ts";
import { backsOff, failureBackoffMs, freshness } from "./freshness.ts";
import { computeOrder } from "./order.ts";
import type { ReadCounter } from "./read-counter.ts";
import type { ReportResults } from "./results.ts";

/** A stale question asks for its renewal at most this often per process: the ledger joins the requests anyway. */
const renewEveryMs = 1_000;
/** For how long one flight follows its job; whoever waits longer begins another. */
const flightMs = minutes(1) + 5_000;

/** Nothing can be served, and the last computation failed. */
export class ReportUnavailable extends NightshiftError {
  readonly code = "report_unavailable";
  /** When another computation may be asked for. */
  readonly retryInMs: number;

  constructor(failure: string, retryInMs: number) {
    super(`Expected a result, found none, and computing it failed: ${failure}`, { failure });
    this.retryInMs = retryInMs;
  }
}

/** What a reader gets. */
export type Read =
  | { readonly kind: "ready"; readonly copy: Copy; readonly stale: boolean; readonly failure: Failure | null }
  | { readonly kind: "computing"; readonly jobId: string };

export interface ReadTerms {
  readonly waitMs: number;
  /** False: a result that is stale is waited for like one that is not there. */
  readonly acceptsStale: boolean;
  /** Aborted when the reader is gone. */
  readonly signal: AbortSignal;
}

/** One computation that requests of this process wait for. */
interface Flight {
  readonly jobId: Promise<string>;
  /** The last view of the job: terminal, unless the process stops or the flight took too long. */
  readonly ended: Promise<JobView | undefined>;
}

/**
 * The read path. Redis first; a fresh hit touches nothing else. What Redis does not have is looked up in Postgres once for all
 * requests of the process that want it, and what Postgres does not have is computed by one job for all processes.
 */
export class ReportReader {
  readonly #catalog: Catalog;
  readonly #cache: ReportCache;
  readonly #results: ReportResults;
  readonly #counter: ReadCounter;
  readonly #producer: Producer;
  readonly #follow: (tenant: string, jobId: string, signal: AbortSignal) => AsyncIterable<JobView>;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #meter: ReportMeter;
  readonly #looking = new Map<string, Promise<Looked>>();
  #turn: Promise<void> | null = null;
  readonly #finding = new Map<string, Promise<Looked>>();
  readonly #flights = new Map<string, Flight>();
  readonly #renewed = new Map<string, number>();

  constructor(options: {
    catalog: Catalog;
    cache: ReportCache;
    results: ReportResults;
    counter: ReadCounter;
    producer: Producer;
    follow: (tenant: string, jobId: string, signal: AbortSignal) => AsyncIterable<JobView>;
    clock: Clock;
    log: Log;
    meter: ReportMeter;
  }) {
    this.#catalog = options.catalog;
    this.#cache = options.cache;
    this.#results = options.results;
    this.#counter = options.counter;
    this.#producer = options.producer;
    this.#follow = options.follow;
    this.#clock = options.clock;
    this.#log = options.log;
    this.#meter = options.meter;
  }

  /** Rejects with ReportUnavailable, or StoreUnavailable when neither store has the answer and Postgres is away. */
  async read(place: ReportPlace, terms: ReadTerms): Promise<Read> {
    this.#counter.add(place);
    const tell = (outcome: ReadOutcome) =>
      this.#meter.read({ tenant: place.tenant, report: place.report.name, outcome });
    try {
      const [read, rounds] = await this.#answer(place, terms);
      tell(read.kind === "computing" ? "miss" : rounds > 0 ? "wait" : read.stale ? "stale" : "hit");
      return read;
    } catch (error) {
      tell("unavailable");
      throw error;
    }
  }

  /** The answer, and how many computations were waited for. */
  async #answer(place: ReportPlace, terms: ReadTerms): Promise<readonly [Read, number]> {
    const until = performance.now() + terms.waitMs;
    for (let round = 0; ; round += 1) {
      const looked = await this.#look(place, round > 0);
      const now = this.#clock.now();
      const { copy, failure } = looked;
      const state = freshness(looked, place.report, now);
      if (copy && state === "fresh") return [{ kind: "ready", copy, stale: false, failure }, round];
      const failed = backsOff(looked, now);
      if (copy && failed) return [{ kind: "ready", copy, stale: true, failure }, round];
      if (copy && state === "stale" && terms.acceptsStale) {
        this.#renew(place, copy);
        return [{ kind: "ready", copy, stale: true, failure }, round];
      }
      if (failed) throw new ReportUnavailable(failure!.code, failure!.at + failureBackoffMs - now);

      const flight = this.#fly(place, copy);
      const jobId = await flight.jobId;
      const ended = await this.#wait(flight, until - performance.now(), terms.signal);
      if (!ended || !isTerminal(ended.state)) return [{ kind: "computing", jobId }, round];
      if (ended.state !== "completed" && !(await this.#look(place, true)).failure)
        throw new ReportUnavailable(ended.error?.code ?? ended.state, 1_000);
    }
  }

  /** Redis, and what it does not have from Postgres. `again`: a computation has ended since, so Redis alone may be behind. */
  async #look(place: ReportPlace, again: boolean): Promise<Looked> {
    const cached = await this.#cached(place);
    const state = freshness(cached, place.report, this.#clock.now());
    return state === "fresh" || (state === "stale" && !again) ? cached : this.#find(place);
  }

  /**
   * One look for all requests of this turn of the event loop, and the looks of a turn in one write. It begins after each of
   * them has come, so that none of them is told less than its own look would have told it: an invalidation that was answered
   * before is seen.
   */
  #cached(place: ReportPlace): Promise<Looked> {
    const name = nameOf(place);
    const known = this.#looking.get(name);
    if (known) return known;
    this.#turn ??= endOfTurn().then(() => {
      this.#turn = null;
    });
    const look = this.#turn.then(() => {
      this.#looking.delete(name);
      return this.#cache.look(place).catch((error: Error) => {
        this.#log.warn({ error: error.message }, "report.cache_away");
        return unknown;
      });
    });
    this.#looking.set(name, look);
    return look;
  }

  /** One statement for all requests of this process that miss at the same time. */
  #find(place: ReportPlace): Promise<Looked> {
    return shared(this.#finding, nameOf(place), async () => {
      const found = await this.#results.find(place);
      await this.#refill(place, found).catch(() => undefined); // Redis is away: the next reader comes here again
      return found;
    });
  }

  /** An invalidated copy is left out: Redis may have forgotten the invalidation with everything else. */
  async #refill(place: ReportPlace, { copy, failure, invalidatedAt }: Looked): Promise<void> {
    const now = this.#clock.now();
    const { ttlMs, staleMs } = place.report;
    if (copy && copy.asOf > invalidatedAt) await this.#cache.keep(place, copy, copy.asOf + ttlMs + staleMs - now);
    if (failure && backsOff({ failure }, now))
      await this.#cache.keepFailure(place, failure, failure.at + failureBackoffMs - now);
  }

  /** Ask for a new result without waiting for it. */
  #renew(place: ReportPlace, copy: Copy): void {
    const name = nameOf(place);
    const now = this.#clock.now();
    if (now - (this.#renewed.get(name) ?? 0) < renewEveryMs) return;
    if (this.#renewed.size > 10_000) this.#renewed.clear();
    this.#renewed.set(name, now);
    this.#enqueue(place, copy).catch((error: Error) => {
      this.#log.warn({ report: place.report.name, error: error.message }, "report.not_renewed"); // served stale meanwhile
    });
  }

  #fly(place: ReportPlace, copy: Copy | null): Flight {
    const name = nameOf(place);
    const known = this.#flights.get(name);
    if (known) return known;
    const jobId = this.#enqueue(place, copy);
    const ended = jobId.then((id) => this.#end(place.tenant, id)).finally(() => this.#flights.delete(name));
    ended.catch(() => undefined); // those who wait are told
    const flight = { jobId, ended };
    this.#flights.set(name, flight);
    return flight;
  }

  async #enqueue(place: ReportPlace, copy: Copy | null): Promise<string> {
    const job = this.#catalog.get(computeOrder.job);
    const order = computeOrder.payload(place, copy?.asOf ?? null);
    return (await this.#producer.enqueue(place.tenant, job, order)).id;
  }

  async #end(tenant: string, jobId: string): Promise<JobView | undefined> {
    let last: JobView | undefined;
    for await (const view of this.#follow(tenant, jobId, AbortSignal.timeout(flightMs))) last = view;
    return last;
  }

  async #wait({ ended }: Flight, waitMs: number, signal: AbortSignal): Promise<JobView | undefined> {
    if (waitMs <= 0) return undefined;
    const over = new AbortController();
    const timer = delay(waitMs, undefined, { signal: AbortSignal.any([over.signal, signal]) }).catch(() => undefined);
    return Promise.race([ended, timer]).finally(() => over.abort());
  }
}

function nameOf({ tenant, key }: ReportPlace): string {
  return `${tenant}/${key}`;
}

/** The work under this name that is on its way, or a new one. */
function shared<T>(works: Map<string, Promise<T>>, name: string, begin: () => Promise<T>): Promise<T> {
  const known = works.get(name);
  if (known) return known;
  const work = begin().finally(() => works.delete(name));
  works.set(name, work);
  return work;
}
