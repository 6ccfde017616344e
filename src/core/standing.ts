/**
 * How an occurrence of an obligation stands. Exactly one at any time; `pending`, `due_soon` and `overdue` are open. `passed`:
 * its day is over, and so is it, because nobody wanted to hear that it is overdue.
 */
export const standings = ["pending", "due_soon", "overdue", "passed", "completed"] as const;
export type Standing = (typeof standings)[number];

/** From so many days before the due date on, an open occurrence is due soon. */
export const defaultDueSoonDays = 14;

/**
 * How an occurrence that is not withdrawn stands on a day. Days are text, `2026-11-20`, in the zone of its obligation;
 * `soonUntil` is the last day that is soon. `lapses`: the obligation is never overdue (`overdue: null`).
 */
export function standingOf(
  { state, dueOn, lapses }: { readonly state: string; readonly dueOn: string; readonly lapses: boolean },
  today: string,
  soonUntil: string,
): Standing {
  if (state === "completed" || state === "passed") return state;
  if (lapses && dueOn < today) return "passed";
  return dueOn < today ? "overdue" : dueOn <= soonUntil ? "due_soon" : "pending";
}
