import type { ScheduleRule } from "#core/schedule.ts";
import { localTime } from "../../src/scheduler/local-time.ts";
import { type Tick, ticksFrom } from "../../src/scheduler/tick.ts";

const page = 1_000;

/** What a year of a rule comes to. */
export interface SimulatedYear {
  readonly ticks: number;
  /** Ticks that a gap or a repeat of the zone's clock decided. */
  readonly decided: readonly { readonly note: "gap" | "repeat"; readonly local: string; readonly utc: string }[];
}

/** Every tick from 1 January 00:00 to the end of 31 December by the zone's clock, by the function that fires them. */
export function simulate(rule: ScheduleRule, year: number, fired = 0): SimulatedYear {
  const [from, to] = [midnight(year, rule.timeZone), midnight(year + 1, rule.timeZone)];
  if (rule.everyMs !== undefined && rule.limit === undefined) return { ticks: multiples(rule, from, to), decided: [] };
  const decided: SimulatedYear["decided"][number][] = [];
  let ticks = 0;
  for (let after = from - 1; ; ) {
    const found = ticksFrom(rule, after, page, fired + ticks);
    const inside = found.filter(({ at }) => at < to);
    ticks += inside.length;
    for (const tick of inside) if (tick.note !== null) decided.push(shown(tick as Tick & { note: "gap" | "repeat" }));
    if (inside.length < page) return { ticks, decided };
    after = inside.at(-1)!.at;
  }

  function shown({ at, note }: Tick & { note: "gap" | "repeat" }) {
    return { note, local: localTime(at, rule.timeZone), utc: new Date(at).toISOString() };
  }
}

/** Intervals know no clock: their ticks are counted, not walked (a schedule of each second has 31 million a year). */
function multiples({ everyMs, startsAt, endsAt }: ScheduleRule, from: number, to: number): number {
  const origin = startsAt === undefined ? 0 : Date.parse(startsAt);
  const first = Math.max(from, startsAt === undefined ? from : origin);
  const end = Math.min(to - 1, endsAt === undefined ? to - 1 : Date.parse(endsAt));
  return Math.max(0, Math.floor((end - origin) / everyMs!) - Math.ceil((first - origin) / everyMs!) + 1);
}

/** The instant at which a year begins by the zone's clock. */
function midnight(year: number, timeZone: string): number {
  const wall = Date.UTC(year, 0, 1);
  const offsetAt = (at: number) => Date.parse(`${localTime(at, timeZone).slice(0, 19)}Z`) - at;
  const guess = wall - offsetAt(wall);
  return wall - offsetAt(guess);
}
