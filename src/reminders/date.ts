import { Temporal } from "temporal-polyfill";

/** Calendar days are text, `2026-11-20`: they sort, compare and store as what they are, and no zone can shift them. */
export type DateText = string;

const datePattern = /^\d{4}-\d{2}-\d{2}$/;

/** No day is later, so that nobody waits for a typing error. */
export const lastDate: DateText = "2200-12-31";

/** A day that exists: 2026-02-30 is none. From 1970 to `lastDate`. */
export function isDate(text: string): boolean {
  if (!datePattern.test(text) || text < "1970-01-01" || text > lastDate) return false;
  try {
    Temporal.PlainDate.from(text, { overflow: "reject" });
    return true;
  } catch {
    return false;
  }
}

/** An IANA zone that this release knows, such as `Asia/Kathmandu`. Bare offsets are none: they have no summer time. */
export function isZone(zone: string): boolean {
  if (!/^[A-Za-z][\w+/-]{1,63}$/.test(zone)) return false;
  try {
    Temporal.Instant.fromEpochMilliseconds(0).toZonedDateTimeISO(zone);
    return true;
  } catch {
    return false;
  }
}

export function addDays(date: DateText, days: number): DateText {
  return Temporal.PlainDate.from(date).add({ days }).toString();
}

/** From 1, Monday, to 7, Sunday. */
export function weekdayOf(date: DateText): number {
  return Temporal.PlainDate.from(date).dayOfWeek;
}

/** Which day it is in a zone at an instant (epoch ms). */
export function dayIn(zone: string, at: number): DateText {
  return Temporal.Instant.fromEpochMilliseconds(at).toZonedDateTimeISO(zone).toPlainDate().toString();
}

/** The wall clock of a zone at an instant (epoch ms), as `2026-11-20T09:00`. */
export function wallClock(zone: string, at: number): string {
  return Temporal.Instant.fromEpochMilliseconds(at)
    .toZonedDateTimeISO(zone)
    .toPlainDateTime()
    .toString({ smallestUnit: "minute" });
}

/**
 * The instant (epoch ms) at which a zone's clock shows `time` (`HH:MM`) on that day. A time that the clock skips in spring
 * is the first instant after the gap; one that it shows twice in autumn is the first of the two.
 */
export function instantOf(date: DateText, time: string, zone: string): number {
  const wanted = Temporal.PlainDate.from(date).toPlainDateTime(Temporal.PlainTime.from(time));
  const first = wanted.toZonedDateTime(zone, { disambiguation: "earlier" });
  if (first.toPlainDateTime().equals(wanted)) return first.epochMilliseconds;
  return (first.getTimeZoneTransition("next") ?? first).epochMilliseconds;
}

/** Days from one day to another; below 0 when the other is earlier. */
export function daysBetween(from: DateText, to: DateText): number {
  return Temporal.PlainDate.from(from).until(to, { largestUnit: "days" }).days;
}
