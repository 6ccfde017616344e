import { Temporal } from "temporal-polyfill";
import type { relativePeriods } from "./deliver.job.ts";

/** The first and last day of a period, both included, as seen at `now` (epoch ms) on a zone's calendar. Pure. */
export function periodAt(
  name: (typeof relativePeriods)[number],
  now: number,
  zone: string,
): { readonly from: string; readonly to: string } {
  const today = Temporal.Instant.fromEpochMilliseconds(now).toZonedDateTimeISO(zone).toPlainDate();
  switch (name) {
    case "yesterday":
      return between(today.subtract({ days: 1 }), today);
    case "last-7-days":
      return between(today.subtract({ days: 7 }), today);
    case "last-week": {
      const monday = today.subtract({ days: today.dayOfWeek - 1 });
      return between(monday.subtract({ weeks: 1 }), monday);
    }
    case "last-month": {
      const first = today.with({ day: 1 });
      return between(first.subtract({ months: 1 }), first);
    }
  }
}

function between(from: Temporal.PlainDate, end: Temporal.PlainDate) {
  return { from: from.toString(), to: end.subtract({ days: 1 }).toString() };
}
