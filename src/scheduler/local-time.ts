import type { TickView } from "#core/schedule-view.ts";
import type { ScheduleRow } from "../ledger/schedules.ts";
import type { Tick } from "./tick.ts";

const formats = new Map<string, Intl.DateTimeFormat>();

/** An instant as the zone's clock shows it, with its offset: `2027-03-28T03:00:00+02:00`. */
export function localTime(at: number, timeZone: string): string {
  const parts = Object.fromEntries(
    formatOf(timeZone)
      .formatToParts(at)
      .map(({ type, value }) => [type, value]),
  );
  const offset =
    parts.timeZoneName === "GMT" ? "+00:00" : parts.timeZoneName!.replace("GMT", "").replace("\u2212", "-");
  return `${parts.year}-${parts.month}-${parts.day}T${parts.hour}:${parts.minute}:${parts.second}${offset}`;
}

/** A tick as it is shown. */
export function tickView({ at, note }: Tick, timeZone: string): TickView {
  return { utc: new Date(at).toISOString(), local: localTime(at, timeZone), ...(note !== null && { note }) };
}

/** The next tick of a stored schedule as it is shown. */
export function nextView({ next, rule }: Pick<ScheduleRow, "next" | "rule">) {
  if (!next) return null;
  const dueAt = new Date(next.dueAt).toISOString();
  return { ...tickView({ at: next.tick, note: next.note }, rule.timeZone), dueAt };
}

function formatOf(timeZone: string): Intl.DateTimeFormat {
  const known = formats.get(timeZone);
  if (known) return known;
  const format = new Intl.DateTimeFormat("en-GB", {
    timeZone,
    hourCycle: "h23",
    year: "numeric",
    month: "2-digit",
    day: "2-digit",
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
    timeZoneName: "longOffset",
  });
  formats.set(timeZone, format);
  return format;
}
