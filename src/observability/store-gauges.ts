import { Gauge, type Registry } from "prom-client";
import type { Clock } from "#core/clock.ts";
import { seconds } from "#core/duration.ts";
import type { Log } from "#core/handler.ts";
import { Cached } from "./cached.ts";
import { withDeadline } from "./deadline.ts";

/** A look may cost a scan: whoever scrapes how often, it is done once in this time. */
const freshMs = seconds(5);
/** A store that is away must not hold up a scrape: the rest of the page is what explains the outage. */
const collectTimeoutMs = seconds(2);

/** A gauge over what one look found. */
export interface StoreGauge<Found> {
  readonly name: string;
  readonly help: string;
  readonly labelNames?: readonly string[];
  /** Every value with its labels. */
  readonly values: (found: Found) => readonly (readonly [Readonly<Record<string, string>>, number])[];
}

/** Gauges that look at a store when the page is asked for. A look that fails leaves its gauges out of that page. */
export class StoreGauges {
  readonly #registry: Registry;
  readonly #log: Log;
  readonly #clock: Clock;

  constructor(options: { registry: Registry; log: Log; clock: Clock }) {
    this.#registry = options.registry;
    this.#log = options.log;
    this.#clock = options.clock;
  }

  /** Gauges that share a look; `source` names it in the log. */
  add<Found>(source: string, read: () => Promise<Found>, gauges: readonly StoreGauge<Found>[]): void {
    const cached = new Cached(freshMs, this.#clock, () => withDeadline(collectTimeoutMs, read()));
    const look = () => this.look(source, () => cached.get());
    for (const { name, help, labelNames = [], values } of gauges)
      new Gauge({
        name,
        help,
        labelNames: [...labelNames],
        registers: [this.#registry],
        async collect() {
          const found = await look();
          this.reset();
          for (const [labels, value] of found === null ? [] : values(found)) this.set(labels, value);
          if (found === null && labelNames.length === 0) this.remove(); // it would say 0
        },
      });
  }

  /** `null`, and a line of log, when the store did not answer. */
  async look<Found>(source: string, read: () => Promise<Found>): Promise<Found | null> {
    try {
      return await read();
    } catch (error) {
      this.#log.warn({ source, error: (error as Error).message }, "metrics.source_failed");
      return null;
    }
  }
}
