import type { Check } from "./check.ts";
import { seconds } from "./checks/times.ts";
import { type Fault, nameFault } from "./plan.ts";
import type { Recovery } from "./recovery.ts";

/** The faults of a plan, in order. */
export function planLines(plan: readonly Fault[]): readonly string[] {
  const rows = plan.map((fault) => [
    String(fault.number),
    seconds(fault.atMs),
    nameFault(fault),
    fault.lastsMs > 0 ? `for ${seconds(fault.lastsMs)}` : "",
  ]);
  return columns([["#", "at", "fault", ""], ...rows]);
}

/** The verdict table. */
export function verdictLines({ rows }: Check): readonly string[] {
  return columns(rows);
}

/** What each fault did. */
export function recoveryLines(recoveries: readonly Recovery[], loadBeganAt: number): readonly string[] {
  const rows = recoveries.map(({ fault, beganAt, healedAt, lost, againMs, caughtUpMs }) => [
    String(fault.number),
    nameFault(fault),
    seconds(beganAt - loadBeganAt),
    seconds(healedAt - beganAt),
    String(lost),
    orNever(againMs),
    orNever(caughtUpMs),
  ]);
  return columns([["#", "fault", "at", "lasted", "lost attempts", "works again", "caught up"], ...rows]);
}

function orNever(ms: number | null): string {
  return ms === null ? "never" : seconds(ms);
}

function columns(rows: readonly (readonly string[])[]): readonly string[] {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.map((row) => `  ${row.map((cell, column) => cell.padEnd(widths[column]!)).join("  ")}`.trimEnd());
}
