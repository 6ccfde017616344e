import type { GeneratedDocument } from "#jobs/documents/generate.job.ts";
import { terminalStates } from "../../../src/ledger/job-state.ts";
import type { Group } from "../progress.ts";
import type { Screen } from "../screen.ts";
import { platforms } from "../tenants.ts";
import { plural, seconds, table } from "../wording.ts";
import { type DocumentEvidence, lostAttempts, type Made, readBack } from "./proof.ts";

/** What was asked and how it ended. */
export function sayDocuments(screen: Screen, groups: readonly Group[], evidence: DocumentEvidence): void {
  const { made, verified, refusal, killed } = evidence;
  const rows = groups.map(({ label, ids }) => {
    const ours = made.filter(({ job }) => ids.includes(job.id));
    return [label, outcome(ours), pages(ours)];
  });
  const { checked, damaged } = readBack(evidence);
  const states = [...new Set(verified.map(({ state }) => state))].join(", ");
  rows.push(["Tax invoice, mistyped GSTIN", refusal ? `refused (${refusal.status}), no job` : "accepted", ""]);
  rows.push(["Verify documents (pg-boss)", states, `${checked} read back, ${damaged.length} damaged`]);
  const { suryodaya, northwind } = platforms;
  screen.say(screen.style("bold", `Documents: ${suryodaya.name} and ${northwind.name}`));
  for (const line of table([["asked", "ended", ""], ...rows])) screen.say(line);
  const once = made.filter(({ versions }) => versions.length === 1).length;
  screen.say(`  ${once} of ${made.length} documents exist exactly once, with the SHA-256 their job reported.`);
  const lost = made.filter((one) => lostAttempts(one) > 0);
  if (killed)
    screen.say(
      `  A dead worker costs time, not work: ${plural(lost.length, "job")} went ${trail(lost)}, ` +
        `taken over ${seconds(tookOverMs(lost, killed.at))} s after the kill.`,
    );
  screen.say();
}

function outcome(made: readonly Made[]): string {
  const states = terminalStates.map((state) => [state, made.filter(({ job }) => job.state === state).length] as const);
  const text = states.filter(([, count]) => count > 0).map(([state, count]) => `${count} ${state}`);
  const again = made.filter(({ job }) => job.attempts.length > 1).length;
  return [...text, ...(again > 0 ? [`${again} at a second attempt`] : [])].join(", ") || "open";
}

function pages(made: readonly Made[]): string {
  const count = made.reduce((sum, { job }) => sum + ((job.result as GeneratedDocument | null)?.pageCount ?? 0), 0);
  return plural(count, "page");
}

/** How the attempts of a job ended, in order: `lost → completed`. */
function trail(made: readonly Made[]): string {
  const trails = new Set(made.map(({ job }) => job.attempts.map(({ outcome }) => outcome).join(" → ")));
  return [...trails].join(" or ");
}

/** From the kill until the last of them began anew. */
function tookOverMs(made: readonly Made[], killedAt: number): number {
  return Math.max(0, ...made.map(({ job }) => Date.parse(job.attempts.at(-1)!.startedAt) - killedAt));
}
