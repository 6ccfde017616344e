import { join } from "node:path";
import type { JobLine } from "../../src/client/client.ts";
import type { Environment } from "../../src/config/env.ts";
import { openStates, terminalStates } from "../../src/ledger/job-state.ts";
import { sayAnswers } from "./ai/page.ts";
import { sayDocuments } from "./documents/page.ts";
import type { Group } from "./progress.ts";
import type { Evidence } from "./proof.ts";
import { sayReminders } from "./reminders/page.ts";
import { sayReports } from "./reports/page.ts";
import type { Screen } from "./screen.ts";
import { here, table } from "./wording.ts";

/** How it ended, family by family, and what has become of every job. */
export function sayResult(screen: Screen, groups: readonly Group[], evidence: Evidence): void {
  sayDocuments(screen, groups, evidence.documents);
  sayReminders(screen, evidence.reminders);
  sayReports(screen, evidence.reports);
  sayAnswers(screen, evidence.ai);
  screen.say(screen.style("bold", "All together"));
  screen.say(`  Nothing is lost: ${account([...evidence.jobs, ...evidence.reminders.jobs])}.`);
  screen.say();
}

/** `66 accepted = 66 completed + 0 dead + …`: every job of the five tenants. */
function account(jobs: readonly JobLine[]): string {
  const count = (states: readonly string[]) => jobs.filter(({ state }) => states.includes(state)).length;
  const ends = terminalStates.map((state) => `${count([state])} ${state}`);
  return `${jobs.length} accepted = ${ends.join(" + ")} + ${count(openStates)} open`;
}

/** Where the files are and what to do next. */
export function sayNext(screen: Screen, options: { env: Environment; evidence: Evidence }): void {
  const { env, evidence } = options;
  const { documents, reminders, reports } = evidence;
  const [short, long, certificate, ...others] = documents.made.map(({ path }) => path).filter((path) => path !== null);
  const folder = join(env.dataDir, "demo");
  screen.say(screen.style("bold", "Open"));
  for (const path of [short, long, certificate, reports.pdf.path, reports.csv.path, reminders.mails[0]?.path])
    if (path) screen.say(`  ${here(path)}`);
  const more = `  and ${others.length} more PDFs in ${here(folder)}, ${reminders.mails.length} mails beside that one`;
  screen.say(screen.style("dim", more));
  screen.say();
  screen.say(screen.style("bold", "Next"));
  const host = env.host.includes(":") ? `[${env.host}]` : env.host;
  const api = `http://${host}:${env.port}`;
  const tenants = [...new Set(evidence.jobs.map(({ tenant }) => tenant))];
  const rows = [
    ["npm start", "keeps Nightshift running; Ctrl-C stops it"],
    ["API", `${api}/docs: Jobs, Documents, Obligations, Reports, AI`],
    ["Dashboard", `http://${host}:${env.dashboardPort}`],
    ["Key", keyOf(env)],
    ["Tenants", "of this run, for the header Nightshift-Tenant (the reminders' stores were removed with their clock):"],
    ...tenants.map((tenant) => ["", tenant]),
  ];
  for (const line of table(rows)) screen.say(line);
  screen.say();
}

function keyOf(env: Environment): string {
  if (env.apiKey) return "NIGHTSHIFT_API_KEY, from the environment";
  const embedded = !env.databaseUrl || !env.redisUrl;
  return embedded ? `in ${here(join(env.dataDir, "api-key"))} (admin)` : "npm run key makes one";
}
