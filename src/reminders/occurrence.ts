import { addBusinessDays, type DaysOff, rolled } from "./business-day.ts";
import { addDays, type DateText } from "./date.ts";
import { isOnce, type ObligationBody, type Offset } from "./obligation.ts";
import { datesOf } from "./recurrence.ts";

/** One time that an obligation falls due. */
export interface Occurrence {
  /** The day by the rule, before any roll: what the occurrence is known by. */
  readonly occursOn: DateText;
  /** The day it is due, in the obligation's zone. */
  readonly dueOn: DateText;
}

/** A roll moves a day by less than this, unless a whole fortnight is off. */
const rollReachDays = 14;

/** The occurrences that fall due from `first` to `last`, in order. A single date is one whatever the range. */
export function occurrencesOf(
  { due, roll }: Pick<ObligationBody, "due" | "roll">,
  holidays: DaysOff,
  { first, last }: { readonly first: DateText; readonly last: DateText },
): Occurrence[] {
  const occurrence = (occursOn: DateText) => ({ occursOn, dueOn: rolled(occursOn, roll, holidays) });
  if (isOnce(due)) return [occurrence(due.on)];
  const from = addDays(first, -rollReachDays);
  return datesOf(due, from > due.from ? from : due.from, addDays(last, rollReachDays))
    .map(occurrence)
    .filter(({ dueOn }) => dueOn >= first && dueOn <= last);
}

/** Whether it is over by itself: its day has passed, and it never is overdue. `today` is in the obligation's zone. */
export function isOver({ overdue }: Pick<ObligationBody, "overdue">, dueOn: DateText, today: DateText): boolean {
  return overdue === null && dueOn < today;
}

/** The day of an offset: calendar days, or business days of the obligation's calendar. */
export function offsetDay(dueOn: DateText, { days, unit }: Offset, holidays: DaysOff): DateText {
  return unit === "calendar" ? addDays(dueOn, days) : addBusinessDays(dueOn, days, holidays);
}
