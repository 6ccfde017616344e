import type { JobLine } from "../../src/client/client.ts";
import { type AiEvidence, aiDifferences } from "./ai/proof.ts";
import { type DocumentEvidence, documentDifferences } from "./documents/proof.ts";
import { type ReminderEvidence, reminderDifferences } from "./reminders/proof.ts";
import { type ReportEvidence, reportDifferences } from "./reports/proof.ts";

/** Everything that the verdict rests on, by family. */
export interface Evidence {
  readonly documents: DocumentEvidence;
  readonly reminders: ReminderEvidence;
  readonly reports: ReportEvidence;
  readonly ai: AiEvidence;
  /** Every job of this run's tenants that is still there, by the list of the API, when all was over. */
  readonly jobs: readonly JobLine[];
}

/** What is not as it should be; empty when the demo proved what it set out to prove. */
export function differences({ documents, reminders, reports, ai, jobs }: Evidence): readonly string[] {
  return [
    ...documentDifferences(documents),
    ...reminderDifferences(reminders),
    ...reportDifferences(reports),
    ...aiDifferences(ai),
    ...[...jobs, ...reminders.jobs]
      .filter(({ state }) => state !== "completed")
      .map(({ job, id, state }) => `${job} ${id}: expected every accepted job to complete, found ${state}`),
  ];
}
