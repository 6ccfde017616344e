import { days, hours, minutes, seconds } from "#core/duration.ts";
import { InvalidInput } from "#core/errors.ts";

/** A stretch of time with one offset from UTC: `from` ≤ t < `until`, local = t + offset. All in milliseconds. */
interface Span {
  readonly from: number;
  readonly until: number;
  readonly offset: number;
}

/** The instant at which a zone's clock first shows a local time, or first passes one that it never shows. */
export interface Reached {
  readonly at: number;
  /** `gap`: the clock skips that time. `repeat`: it shows it twice, and this is the first. */
  readonly note: "gap" | "repeat" | null;
}

/** No zone was ever further than this from UTC; Alaska's +15:02 before 1867 is the widest. */
const widestOffsetMs = hours(16);
/** The longest step a clock was ever set back or forward: a whole day, at the date line. */
const widestStepMs = days(1);
const zoneLimit = 1_000; // zones remembered; Intl knows about 600 names
const yearLimit = 500; // years remembered for each zone

/**
 * The wall clock of a time zone. Local times are plain numbers: the epoch milliseconds at which a clock in UTC would show
 * the same. Offsets come from the tz data of Node's Intl, looked up once for each zone and year; then a question costs a
 * microsecond.
 */
export class Zone {
  readonly #format: Intl.DateTimeFormat;
  readonly #years = new Map<number, readonly Span[]>();
  #last: Span = { from: 0, until: 0, offset: 0 };

  /** Throws RangeError for a name that Intl does not know. */
  constructor(name: string) {
    this.#format = new Intl.DateTimeFormat("en-US", { timeZone: name, timeZoneName: "longOffset" });
  }

  /** What the clock shows at an instant. */
  local(at: number): number {
    return at + this.#span(at).offset;
  }

  /** The latest local time that the clock has shown up to an instant: later than `local` when it was just set back. */
  latestLocal(at: number): number {
    const span = this.#span(at);
    const local = at + span.offset;
    if (at - span.from > widestStepMs) return local;
    return Math.max(local, span.from - 1 + this.#span(span.from - 1).offset);
  }

  /** The first instant at which the clock shows `local` or later. A later local time is never reached earlier. */
  reach(local: number): Reached {
    let span = this.#span(local - widestOffsetMs);
    while (span.until + span.offset <= local) span = this.#span(span.until);
    if (span.from + span.offset > local) return { at: span.from, note: "gap" };
    const at = local - span.offset;
    if (span.until - at > widestStepMs) return { at, note: null };
    const after = this.#span(span.until);
    return { at, note: after.from + after.offset <= local ? "repeat" : null };
  }

  #span(at: number): Span {
    if (at >= this.#last.from && at < this.#last.until) return this.#last;
    const year = new Date(at).getUTCFullYear();
    const spans = remember(this.#years, year, yearLimit, () => this.#spansOf(year));
    this.#last = spans.find((span) => at < span.until)!;
    return this.#last;
  }

  /** A year's spans, found by a look at each day and a search where two days differ. */
  #spansOf(year: number): Span[] {
    const end = startOf(year + 1);
    const spans: Span[] = [];
    let from = startOf(year);
    let offset = this.#offset(from);
    for (let day = from; day < end; day += days(1)) {
      const next = Math.min(day + days(1), end);
      if (this.#offset(next - 1) === offset) continue;
      const until = this.#change(day, next, offset);
      spans.push({ from, until, offset });
      from = until;
      offset = this.#offset(until);
    }
    return [...spans, { from, until: end, offset }];
  }

  /** The first instant from `low` on that no longer has the offset. Clocks change at whole seconds. */
  #change(low: number, high: number, offset: number): number {
    let before = low - seconds(1);
    let after = high;
    while (after - before > seconds(1)) {
      const middle = before + Math.floor((after - before) / seconds(2)) * seconds(1);
      if (this.#offset(middle) === offset) before = middle;
      else after = middle;
    }
    return after;
  }

  /** Intl writes `1/1/2026, GMT+05:45`, with seconds for local mean times, and `GMT` alone for zero. */
  #offset(at: number): number {
    const [, sign, hour, minute, second] = /GMT(?:([+-])(\d\d):(\d\d)(?::(\d\d))?)?$/.exec(this.#format.format(at))!;
    if (sign === undefined) return 0;
    const size = hours(Number(hour)) + minutes(Number(minute)) + seconds(Number(second ?? 0));
    return sign === "-" ? -size : size;
  }
}

const zones = new Map<string, Zone>();

/** The zone of an IANA name, in any case; links such as `Asia/Calcutta` are names too. Throws InvalidInput for any other. */
export function zoneOf(name: string): Zone {
  return remember(zones, name, zoneLimit, () => {
    if (/^[+-]/.test(name)) refuse(name); // Intl takes an offset for a zone
    try {
      return new Zone(name);
    } catch {
      refuse(name);
    }
  });
}

function refuse(name: string): never {
  const problem = { path: "timeZone", message: `Expected the name of an IANA time zone, found "${name}"` };
  throw new InvalidInput("schedule rule", [{ ...problem, code: "time_zone_unknown" }], "time_zone_unknown");
}

/** The value kept for a key, made when it is not there. Beyond `limit`, the one not asked for longest leaves. */
export function remember<K, V>(kept: Map<K, V>, key: K, limit: number, make: () => V): V {
  let value = kept.get(key);
  if (value === undefined) {
    value = make();
    if (kept.size >= limit) kept.delete(kept.keys().next().value as K);
  } else if (kept.size < limit) return value;
  else kept.delete(key);
  kept.set(key, value);
  return value;
}

function startOf(year: number): number {
  return new Date(0).setUTCFullYear(year, 0, 1); // Date.UTC takes 26 for 1926
}
