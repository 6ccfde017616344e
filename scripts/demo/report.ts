import { join, relative } from "node:path";
import type { GeneratedDocument } from "#jobs/documents/generate.job.ts";
import type { VerifiedDocuments } from "#jobs/operations/verify-documents.job.ts";
import type { Environment } from "../../src/config/env.ts";
import { openStates, terminalStates } from "../../src/ledger/job-state.ts";
import type { Group } from "./progress.ts";
import { type Evidence, lostAttempts, type Made } from "./proof.ts";
import type { Screen } from "./screen.ts";

/** What was asked, how it ended, and what that proves. */
export function sayResult(screen: Screen, groups: readonly Group[], evidence: Evidence): void {
  const { made, verified, refusal } = evidence;
  const rows = groups.map(({ label, ids }) => {
    const ours = made.filter(({ job }) => ids.includes(job.id));
    return [label, outcome(ours), pages(ours)];
  });
  const checked = verified.result as VerifiedDocuments | null;
  rows.push(["Tax invoice, mistyped GSTIN", refusal ? `refused (${refusal.status}), no job` : "accepted", ""]);
  rows.push([
    "Verify documents (pg-boss)",
    verified.state,
    checked ? `${checked.checked} read back, ${checked.missing.length + checked.corrupt.length} damaged` : "",
  ]);
  screen.say(screen.style("bold", "Result"));
  for (const line of table([["asked", "ended", ""], ...rows])) screen.say(line);
  screen.say();
  screen.say(screen.style("bold", "What this shows"));
  for (const line of claims(evidence)) screen.say(`  ${line}`);
  screen.say();
}

/** Where the PDFs are and what to do next. */
export function sayNext(
  screen: Screen,
  options: { env: Environment; folder: string; made: readonly Made[]; tenant: string },
): void {
  const { env, folder, made, tenant } = options;
  const [first, second, third, ...others] = made.map(({ path }) => path).filter((path) => path !== null);
  screen.say(screen.style("bold", "Open"));
  for (const path of [first, second, third]) if (path) screen.say(`  ${here(path)}`);
  if (others.length > 0) screen.say(screen.style("dim", `  and ${others.length} more in ${here(folder)}`));
  screen.say();
  screen.say(screen.style("bold", "Next"));
  const host = env.host.includes(":") ? `[${env.host}]` : env.host;
  const rows = [
    ["npm start", "keeps Nightshift running; Ctrl-C stops it"],
    ["API", `http://${host}:${env.port}/docs`],
    ["Dashboard", `http://${host}:${env.dashboardPort}`],
    ["Key", keyOf(env)],
    ["Tenant", `${tenant}, for this run's jobs and documents (header Nightshift-Tenant)`],
  ];
  for (const line of table(rows)) screen.say(line);
  screen.say();
}

function keyOf(env: Environment): string {
  if (env.apiKey) return "NIGHTSHIFT_API_KEY, from the environment";
  const embedded = !env.databaseUrl || !env.redisUrl;
  return embedded ? `in ${here(join(env.dataDir, "api-key"))} (admin)` : "npm run key makes one";
}

function claims({ made, verified, killed }: Evidence): readonly string[] {
  const jobs = [...made.map(({ job }) => job), verified];
  const count = (states: readonly string[]) => jobs.filter(({ state }) => states.includes(state)).length;
  const ends = terminalStates.map((state) => `${count([state])} ${state}`);
  const lost = made.filter((one) => lostAttempts(one) > 0);
  const once = made.filter(({ versions }) => versions.length === 1).length;
  return [
    `Nothing is lost: ${jobs.length} accepted = ${ends.join(" + ")} + ${count(openStates)} open.`,
    `Nothing is doubled: ${once} of ${made.length} documents exist exactly once, with the SHA-256 their job reported.`,
    ...(killed
      ? [
          `A dead worker costs time, not work: ${plural(lost.length, "job")} went ${trail(lost)}, ` +
            `taken over ${seconds(tookOverMs(lost, killed.at))} s after the kill.`,
        ]
      : []),
  ];
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

function table(rows: readonly (readonly string[])[]): readonly string[] {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.map((row) => `  ${row.map((cell, column) => cell.padEnd(widths[column]!)).join("   ")}`.trimEnd());
}

/** A path as one would type it here. */
export function here(path: string): string {
  const short = relative(process.cwd(), path) || ".";
  return short.startsWith("..") ? path : short;
}

export function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

export function seconds(ms: number): string {
  return (ms / 1_000).toFixed(1).replace(/\.0$/, "");
}
