import { minutes, seconds } from "#core/duration.ts";
import type { MissedPolicy, OverlapPolicy } from "#core/schedule.ts";
import type { Next } from "../ledger/schedules.ts";
import { dueAt, nextOf, type Planned } from "./next.ts";
import { ticksFrom } from "./tick.ts";

/** A schedule this far behind has missed ticks, and its policy says what becomes of them. */
export const missedAfterMs = minutes(1);
/** Jobs that `missed: "all"` makes up for, the newest; older ones share one line of history. */
export const madeUpAtMost = 100;
/** Missed ticks beyond so many are not counted. */
const countedAtMost = 1_000;

/** A schedule whose next tick is due. */
export interface DueSchedule extends Planned {
  readonly next: Next;
  readonly fired: number;
  readonly missed: MissedPolicy;
  readonly overlap: OverlapPolicy;
  /** The schedule's last job has not ended. */
  readonly lastJobOpen: boolean;
}

/** What is to become of a tick, or of all from `tick` up to and including `until`. `enqueue`: a job of its own. */
export interface Fate {
  readonly tick: number;
  readonly until: number | null;
  /** `null`: not counted. */
  readonly count: number | null;
  readonly fate: "enqueue" | "overlapped" | "merged" | "missed";
}

/** What is to be done with a due schedule, and what then comes next. */
export interface Plan {
  readonly fates: readonly Fate[];
  readonly next: Next | null;
  readonly fired: number;
  readonly lastTick: number;
  readonly behind: boolean;
}

/**
 * Decide what becomes of the ticks that have passed. Pure. A schedule that is not behind gets a job for each of them; one
 * that is (`missedAfterMs`), what `missed` says for all of them. Then `overlap` looks at each that would get a job.
 */
export function plan(schedule: DueSchedule, now: number): Plan {
  const behind = schedule.next.dueAt < now - missedAfterMs;
  const { passed, dropped } = passedTicks(schedule, now);
  const newest = passed.at(-1)!;
  let open = schedule.lastJobOpen;
  const merged = open && schedule.overlap === "skip" ? "overlapped" : "merged"; // no job would make up for them
  const fates: Fate[] = dropped ? [{ ...dropped, fate: schedule.missed === "once" ? merged : "missed" }] : [];
  for (const tick of passed) {
    const wanted = behind ? missedFate(schedule.missed, tick === newest, merged) : "enqueue";
    const fate = wanted === "enqueue" && open && schedule.overlap === "skip" ? "overlapped" : wanted;
    if (fate === "enqueue") open = true;
    fates.push({ tick, until: null, count: 1, fate });
  }
  const fired = schedule.fired + passed.length + (dropped?.count ?? 0);
  return { fates, next: nextOf(schedule, newest, fired), fired, lastTick: newest, behind };
}

function missedFate(policy: MissedPolicy, isNewest: boolean, merged: Fate["fate"]): Fate["fate"] {
  if (policy === "all") return "enqueue";
  return policy === "once" ? (isNewest ? "enqueue" : merged) : "missed";
}

/** The newest ticks that are due, at most 100, and those before them. */
function passedTicks(schedule: DueSchedule, now: number) {
  const { rule, next, fired } = schedule;
  const passed = [next.tick];
  while (passed.length <= countedAtMost) {
    const [tick] = ticksFrom(rule, passed.at(-1)!, 1, fired + passed.length);
    if (!tick || dueAt(schedule, tick.at) > now) break;
    passed.push(tick.at);
  }
  if (passed.length <= madeUpAtMost) return { passed, dropped: null };
  if (passed.length <= countedAtMost) {
    const kept = passed.splice(-madeUpAtMost);
    return { passed: kept, dropped: { tick: passed[0]!, until: passed.at(-1)!, count: passed.length } };
  }
  const newest = newestTicks(schedule, now);
  const [before] = newest.splice(0, 1);
  return { passed: newest, dropped: { tick: next.tick, until: before!, count: null } };
}

/**
 * The newest 101 ticks up to now, of more than 1,000: those of a stretch before now that doubles until it holds enough, and is
 * halved where it holds too many. What was not counted does not count towards `limit`.
 */
function newestTicks({ rule, next }: DueSchedule, now: number): number[] {
  const { limit: _, ...unlimited } = rule;
  let tooMany = next.tick;
  let tooFew = now;
  for (let from = Math.max(tooMany, now - seconds(countedAtMost)); ; ) {
    const found = ticksFrom(unlimited, from, countedAtMost + 1).filter(({ at }) => at <= now);
    if (found.length > madeUpAtMost && found.length <= countedAtMost)
      return found.slice(-madeUpAtMost - 1).map(({ at }) => at);
    if (found.length > countedAtMost) {
      tooMany = from;
      from = Math.floor((from + tooFew) / 2);
    } else {
      tooFew = from;
      from = Math.max(Math.floor((tooMany + from) / 2), now - 2 * (now - from));
    }
  }
}
