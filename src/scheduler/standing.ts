import { isDeepStrictEqual } from "node:util";
import type { ScheduleSpec } from "#core/schedule.ts";
import type { Next, ScheduleRow } from "../ledger/schedules.ts";
import { dueAt, nextOf } from "./next.ts";

/**
 * What comes next for a schedule that is to do what `spec` says. One whose rule stays keeps its next tick and its count;
 * another rule counts from now. No tick comes twice, also when Postgres's clock is set back.
 */
export function standing(
  { tenant, name }: { readonly tenant: string; readonly name: string },
  before: ScheduleRow | null,
  spec: ScheduleSpec,
  now: number,
): { readonly next: Next | null; readonly fired: number } {
  const planned = { tenant, name, rule: spec.rule, spreadMs: spec.spreadMs };
  const kept = before && isSame(before.rule, spec.rule) ? before : null;
  const fired = kept?.fired ?? 0;
  if (kept?.next) return { next: { ...kept.next, dueAt: dueAt(planned, kept.next.tick) }, fired };
  return { next: nextOf(planned, Math.max(now, before?.lastTick ?? 0), fired), fired };
}

/** Equal as JSON. */
export function isSame(a: unknown, b: unknown): boolean {
  return isDeepStrictEqual(plain(a), plain(b));
}

export function specOf({ job, payload, rule, overlap, missed, spreadMs }: ScheduleSpec): ScheduleSpec {
  return { job, payload, rule, overlap, missed, spreadMs };
}

function plain(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value ?? null));
}
