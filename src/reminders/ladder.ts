import { addDays, type DateText, dayIn, instantOf } from "./date.ts";
import type { ObligationBody } from "./obligation.ts";
import type { DeliveryState } from "./plan.ts";

/** The two stages of the ladder: who owes it is told that it is overdue, then who answers for them. */
export const ownerStage = "overdue-owner";
export const managerStage = "overdue-manager";

/** What somebody was told, or would have been: the other side refused it for good. */
export const told: readonly DeliveryState[] = ["sending", "sent", "unknown", "failed"];

/** A message to the owner, as far as the manager's turn depends on it. */
export interface OwnerMessage {
  readonly stage: string;
  readonly state: DeliveryState;
  /** Epoch ms. */
  readonly fireAt: number;
  /** When a sender last took it in hand, epoch ms; `null`: none has. */
  readonly takenAt: number | null;
}

/**
 * The instant (epoch ms) of the manager's turn, at their hour: as many days after the owner was first told that it is overdue,
 * or will be, as lie between the two stages, and not before `managerDays` after the due date; `null` without a ladder. So a manager never hears that
 * nobody has answered before the owner had the time to. `toOwner`: every message to an owner about this due date.
 */
export function managerTurn(
  { at, overdue, owner, manager, timeZone }: ObligationBody,
  dueOn: DateText,
  toOwner: readonly OwnerMessage[],
  now: number,
): number | null {
  if (overdue === null) return null;
  const hourOf = (day: DateText) => instantOf(day, at, manager?.timeZone ?? timeZone);
  const scheduled = hourOf(addDays(dueOn, overdue.managerDays));
  const between = overdue.managerDays - overdue.ownerDays;
  const first = between > 0 ? firstTold(toOwner, (at) => dayIn(timeZone, at) > dueOn, now) : null;
  if (first === null) return scheduled;
  return Math.max(scheduled, hourOf(addDays(dayIn(owner.timeZone ?? timeZone, first), between)));
}

/**
 * When the owner first heard, or will, that it is overdue: by the stage of that name, or, where another message took its
 * place, by the first that went out after the due date, or goes out now. `null`: never.
 */
function firstTold(toOwner: readonly OwnerMessage[], isPastDue: (at: number) => boolean, now: number): number | null {
  const was = toOwner
    .filter(({ state }) => told.includes(state))
    .map((one) => ({ ...one, at: one.takenAt ?? one.fireAt }));
  const will = toOwner
    .filter(({ state }) => state === "planned")
    .map((one) => ({ ...one, at: Math.max(one.fireAt, now) }));
  const isStage = ({ stage }: OwnerMessage) => stage === ownerStage;
  const late = [...was, ...will].filter((one) => one.at <= now && isPastDue(one.at));
  const counted = [was.filter(isStage), will.filter(isStage), late].find((some) => some.length > 0) ?? [];
  return counted.length === 0 ? null : Math.min(...counted.map((one) => one.at));
}
