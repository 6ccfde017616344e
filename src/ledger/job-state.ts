/**
 * States of a job (design: `docs/lifecycle.md`).
 *
 * `scheduled` durable, due later · `accepted` durable, not yet in an engine · `queued` in an engine, waiting for a slot ·
 * `running` an attempt holds the lease · `retrying` failed or snoozed, waits for its delay · then one of the terminal four.
 */
export const openStates = ["scheduled", "accepted", "queued", "running", "retrying"] as const;
export const terminalStates = ["completed", "dead", "cancelled", "expired"] as const;
export const jobStates = [...openStates, ...terminalStates] as const;
export type JobState = (typeof jobStates)[number];

export function isTerminal(state: JobState): boolean {
  return (terminalStates as readonly string[]).includes(state);
}

/** How one attempt ended. `lost`: its worker vanished and another took over. */
export type AttemptOutcome = "completed" | "failed" | "timed-out" | "snoozed" | "cancelled" | "released" | "lost";
