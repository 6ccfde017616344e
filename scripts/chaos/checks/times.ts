import { type Check, countBy, list } from "../check.ts";
import type { Evidence } from "../evidence.ts";
import { nameFault } from "../plan.ts";
import { longestSilence } from "../silence.ts";

/** How long things took, and what the house noticed itself. Nothing here breaks a promise by itself. */
export function checkTimes({ jobs, inflicted, settledMs, patienceMs, ownEnds, incidents }: Evidence): Check {
  const silence = longestSilence(jobs);
  const during = inflicted.findLast(({ beganAt }) => beganAt <= silence.to)?.fault;
  const stillOpen = Object.fromEntries(incidents.map(({ kind, open }) => [kind, open]));
  const seen = Object.fromEntries(incidents.map(({ kind, count }) => [kind, count]));
  return {
    rows: [
      [
        "longest silence",
        seconds(silence.to - silence.from),
        during ? `after fault ${during.number}, ${nameFault(during)}` : "",
      ],
      [
        "everything ended",
        settledMs === null ? "no" : seconds(settledMs),
        `after the last fault; must be ≤ ${seconds(patienceMs)}`,
      ],
      ["incidents", String(sum(seen)), `${list(seen)}; still open: ${list(stillOpen)}`],
      ["ended by themselves", String(ownEnds.length), list(countBy(ownEnds, ({ member, how }) => `${member}, ${how}`))],
    ],
    broken: [],
    suspects: [],
  };
}

export function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}

function sum(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((total, count) => total + count, 0);
}
