import type { Clock } from "#core/clock.ts";
import type { Log } from "#core/handler.ts";
import type { ReportPlace } from "#core/report-key.ts";
import type { ReportCache } from "./cache.ts";

/** Counts are told to Redis this often: a read costs none of its time. What a crash loses is a second of counting. */
const everyMs = 1_000;
/** Different questions remembered between two tellings; reads of others are not counted. */
const atMost = 5_000;

/** Adds up how often each question is read. */
export class ReadCounter {
  readonly #cache: ReportCache;
  readonly #clock: Clock;
  readonly #log: Log;
  #counts = new Map<string, { place: ReportPlace; count: number }>();
  #timer: NodeJS.Timeout | null = null;
  #telling: Promise<void> = Promise.resolve();

  constructor(options: { cache: ReportCache; clock: Clock; log: Log }) {
    this.#cache = options.cache;
    this.#clock = options.clock;
    this.#log = options.log;
  }

  start(): void {
    this.#timer ??= setInterval(() => void this.tell(), everyMs);
  }

  async stop(): Promise<void> {
    if (this.#timer) clearInterval(this.#timer);
    this.#timer = null;
    await this.tell();
  }

  add(place: ReportPlace): void {
    const name = `${place.tenant}/${place.key}`;
    const known = this.#counts.get(name);
    if (known) known.count += 1;
    else if (this.#counts.size < atMost) this.#counts.set(name, { place, count: 1 });
  }

  /** Tell Redis what was counted since the last time. What cannot be told is forgotten: it says only what to prepare. */
  tell(): Promise<void> {
    const reads = [...this.#counts.values()];
    this.#counts = new Map();
    if (reads.length === 0) return this.#telling;
    const told = this.#cache.count(reads, this.#clock.now()).catch((error: Error) => {
      this.#log.warn({ questions: reads.length, error: error.message }, "report.reads_not_counted");
    });
    this.#telling = Promise.all([this.#telling, told]).then(() => undefined);
    return this.#telling;
  }
}
