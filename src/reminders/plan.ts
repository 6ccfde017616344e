import type { DaysOff } from "./business-day.ts";
import { addDays, type DateText, dayIn, instantOf } from "./date.ts";
import { managerStage, managerTurn, ownerStage, told } from "./ladder.ts";
import type { ChannelName, ObligationBody, Offset } from "./obligation.ts";
import { type Occurrence, offsetDay } from "./occurrence.ts";

/** What can be said of a message. `sending` and what follows are history: a plan does not touch them. */
export const deliveryStates = ["planned", "sending", "sent", "failed", "unknown", "suppressed", "superseded"] as const;
export type DeliveryState = (typeof deliveryStates)[number];

/** Why a message is not sent: permanent codes. */
export type Because =
  | "past" // its time had passed when it was planned
  | "snoozed"
  | "acknowledged"
  | "completed"
  | "overtaken" // a later one of the same occurrence was due as well: one message is enough
  | "changed" // the obligation is no longer what it was planned for
  | "withdrawn"; // the occurrence no longer is, or has passed, or the obligation was deleted

/** Who a message is for: as what, and who that is. */
export interface Addressee {
  readonly role: "owner" | "manager";
  /** `Person.id`. */
  readonly recipient: string;
}

/** A message that is to have a row. */
export interface Message extends Addressee {
  /** `-30d`, `-5b` (business days), `0d`, `overdue-owner`, `overdue-manager`, `moved-<day>`, `snooze-<day>`. */
  readonly stage: string;
  readonly channel: ChannelName;
  /** Epoch ms. */
  readonly fireAt: number;
  readonly state: "planned" | "suppressed";
  readonly because: Because | null;
}

/** A message that has a row. */
export interface KnownMessage extends Addressee {
  readonly stage: string;
  readonly channel: ChannelName;
  readonly fireAt: number;
  readonly state: DeliveryState;
  readonly because: Because | null;
  /** What it says. */
  readonly dueOn: DateText;
  /** When a sender last took it in hand, epoch ms; `null`: none has. */
  readonly takenAt: number | null;
}

export interface PlannedOccurrence extends Occurrence {
  readonly acknowledged: boolean;
  /** No reminder goes out before this day. */
  readonly snoozedUntil: DateText | null;
  /** Somebody was told of a day that this occurrence has taken the place of. */
  readonly moved: boolean;
}

const ladder = /^overdue-/;

/**
 * Every message of one open occurrence, from what is known now. Pure: the same inputs give the same plan, so planning again
 * changes only what has changed.
 *
 * Reminders go to the owner, on every channel but PagerDuty, which gets overdue stages alone: it wakes people. A stage whose
 * time has passed before anybody was told is not sent, but the newest of them goes out now: one message instead of a burst.
 * When the day that somebody was told of is no longer the day, the owner is told of the new one at once. The manager's turn
 * comes after the owner's, however late that was (`managerTurn`).
 */
export function messagesOf(
  obligation: ObligationBody,
  occurrence: PlannedOccurrence,
  known: readonly KnownMessage[],
  { holidays, now }: { readonly holidays: DaysOff; readonly now: number },
): Message[] {
  const { dueOn } = occurrence;
  // A day that has moved before the end of the snooze ends it: nobody sleeps through a due date.
  const snoozedUntil =
    occurrence.snoozedUntil !== null && occurrence.snoozedUntil <= dueOn ? occurrence.snoozedUntil : null;
  const waiting = new Map(known.filter(({ state }) => state === "planned").map((one) => [keyOf(one), one]));
  const decide = (message: Draft): Message => {
    const { stage, day, fireAt } = message;
    const isLadder = ladder.test(stage);
    const due = fireAt <= now;
    const before = waiting.get(keyOf(message));
    const stillWaits = before?.dueOn === dueOn;
    const because: Because | null =
      isLadder && occurrence.acknowledged
        ? "acknowledged"
        : !isLadder && snoozedUntil !== null && day < snoozedUntil
          ? "snoozed"
          : due && !stillWaits
            ? "past"
            : null;
    if (because !== null) return { ...plain(message), because, state: "suppressed" };
    // One that waits already keeps its turn, or has it now when its hour was changed to one that is over.
    return {
      ...plain(message),
      because,
      state: "planned",
      fireAt: due && before ? Math.min(before.fireAt, now) : fireAt,
    };
  };
  const news = movedNews(obligation, occurrence, known, now);
  /** The newest of what is past goes out now to whoever was told nothing of this day, and is about to be told nothing. */
  const decided = (drafts: readonly Draft[]): Message[] => {
    const messages = drafts.map(decide);
    for (const channel of obligation.channels) {
      const of = (one: Addressee & { channel: ChannelName }) =>
        one.recipient === drafts[0]?.recipient && one.channel === channel;
      const informed = known.some((one) => of(one) && one.dueOn === dueOn && told.includes(one.state));
      const soon = messages.some((one) => of(one) && one.state === "planned" && one.fireAt <= now);
      if (informed || soon || news.some(of)) continue;
      const latest = messages.filter((one) => of(one) && one.because === "past").sort((a, b) => b.fireAt - a.fireAt)[0];
      if (latest) messages[messages.indexOf(latest)] = { ...latest, state: "planned", because: null, fireAt: now };
    }
    return messages;
  };

  const { toOwner, toManager, awake } = drafts(obligation, occurrence, holidays);
  const owners = decided(toOwner);
  const heard = known.filter((one) => one.role === "owner" && one.dueOn === dueOn && told.includes(one.state));
  const hears = [...owners, ...news].map((one) => ({ ...one, takenAt: null }));
  const turn = managerTurn(obligation, dueOn, [...heard, ...hears], now);
  const managers = turn === null ? [] : decided(toManager(turn));
  const reminders =
    snoozedUntil === null ? [] : awake(snoozedUntil).filter((one) => one.fireAt > now || waiting.has(keyOf(one)));
  return [...owners, ...managers, ...reminders.filter(notYetOn(owners)), ...news];
}

/** What a message is known by within its occurrence. */
export function keyOf({ stage, recipient, channel }: Pick<Message, "stage" | "recipient" | "channel">): string {
  return `${stage} ${recipient} ${channel}`;
}

type Draft = Omit<Message, "state" | "because"> & { readonly day: DateText };

function drafts(obligation: ObligationBody, { dueOn }: Occurrence, holidays: DaysOff) {
  const { owner, manager, offsets, overdue, channels } = obligation;
  const quiet = channels.filter((channel) => channel !== "pagerduty");
  const tell = (stage: string, day: DateText, on: readonly ChannelName[]): Draft[] => {
    const fireAt = instantOf(day, obligation.at, owner.timeZone ?? obligation.timeZone);
    return on.map((channel) => ({ stage, role: "owner", recipient: owner.id, channel, day, fireAt }));
  };
  const stageOf = ({ days, unit }: Offset) => `${days > 0 ? "+" : ""}${days}${unit[0] === "c" ? "d" : "b"}`;
  const reminders = offsets.flatMap((offset) => tell(stageOf(offset), offsetDay(dueOn, offset, holidays), quiet));
  const toOwner =
    overdue === null
      ? reminders.filter(({ fireAt }) => dayIn(obligation.timeZone, fireAt) <= dueOn) // later it is over, wherever they are
      : [...reminders, ...tell(ownerStage, addDays(dueOn, overdue.ownerDays), channels)];
  const toManager = (fireAt: number): Draft[] =>
    (manager ? channels : []).map((channel) => {
      const to = { role: "manager", recipient: manager!.id, channel } as const;
      return { ...to, stage: managerStage, day: dueOn, fireAt };
    });
  const awake = (day: DateText): Message[] =>
    tell(`snooze-${day}`, day, quiet).map((one) => ({ ...plain(one), state: "planned", because: null }));
  return { toOwner, toManager, awake };
}

function plain({ day: _day, ...message }: Draft): Omit<Message, "state" | "because"> {
  return message;
}

/** One message that the day is another now; once for each new day, and none when somebody was told of it already. */
function movedNews(
  obligation: ObligationBody,
  occurrence: PlannedOccurrence,
  known: readonly KnownMessage[],
  now: number,
): Message[] {
  const { dueOn } = occurrence;
  const stage = `moved-${dueOn}`;
  const before = known.find(
    (one) => one.stage === stage && one.state === "planned" && one.recipient === obligation.owner.id,
  );
  const toldOther = known.some((one) => one.dueOn !== dueOn && told.includes(one.state));
  const toldThis = known.some((one) => one.dueOn === dueOn && told.includes(one.state));
  if (!before && (toldThis || !(toldOther || occurrence.moved))) return [];
  return obligation.channels
    .filter((channel) => channel !== "pagerduty")
    .map((channel) => ({
      stage,
      role: "owner",
      recipient: obligation.owner.id,
      channel,
      fireAt: before?.fireAt ?? now,
      state: "planned",
      because: null,
    }));
}

/** Where a reminder goes out on that day anyway, a second one would only annoy. */
function notYetOn(decided: readonly Message[]) {
  return ({ recipient, channel, fireAt }: Message) =>
    !decided.some(
      (one) =>
        one.recipient === recipient && one.channel === channel && one.fireAt === fireAt && one.state === "planned",
    );
}
