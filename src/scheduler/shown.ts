import type { ScheduleRule } from "#core/schedule.ts";
import type { TickView } from "#core/schedule-view.ts";
import type { ScheduleRow } from "../ledger/schedules.ts";
import { localTime } from "./local-time.ts";
import { sentenceOf } from "./sentence.ts";
import type { Tick } from "./tick.ts";

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

/** A stored rule in words, also when it is one that only an earlier release could read. */
export function wordsOf(rule: ScheduleRule): string {
  try {
    return sentenceOf(rule);
  } catch {
    return "a rule that this release cannot read";
  }
}
