import type { ScheduleSpec } from "#core/schedule.ts";
import type { Next } from "../ledger/schedules.ts";
import { spreadOf } from "./spread.ts";
import { nextTick } from "./tick.ts";

/** What the next tick depends on. */
export interface Planned extends Pick<ScheduleSpec, "rule" | "spreadMs"> {
  readonly tenant: string;
  readonly name: string;
}

/** The first tick of a schedule after an instant, and when it is due; `null`: none will come. */
export function nextOf(schedule: Planned, after: number, fired: number): Next | null {
  const tick = nextTick(schedule.rule, after, fired);
  return tick && { tick: tick.at, note: tick.note, dueAt: dueAt(schedule, tick.at) };
}

export function dueAt({ tenant, name, spreadMs }: Planned, tick: number): number {
  return tick + spreadOf(`${tenant}/${name}`, tick, spreadMs);
}
