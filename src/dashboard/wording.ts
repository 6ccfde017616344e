import { readFile } from "node:fs/promises";

/** Texts by nested keys, as in Bull Board's `messages.json`. */
interface Texts {
  readonly [key: string]: string | Texts;
}

/** What Bull Board's buttons mean here. Where jobs have priorities, what waits is what BullMQ calls prioritized. */
const ours: Texts = {
  CONFIRM: { CONFIRM_BTN: "Yes", CANCEL_BTN: "No" }, // "Cancel this job?" cannot be answered by "Cancel"
  QUEUE: {
    STATUS: { PRIORITIZED: "Waiting", WAITING: "Next" },
    ACTIONS: {
      RETRY_ALL: "Redrive all",
      RETRY_ALL_FAILED: "Redrive all {{count}} failed jobs",
      CONFIRM: { RETRY_ALL: "Give all {{status}} jobs new attempts?" },
      TOAST: {
        RETRY_PENDING: "Redriving all {{status}} jobs...",
        RETRY_DONE: "The {{status}} jobs have new attempts",
        RETRY_SKIPPED:
          "{{count}} were left: the ledger has them in another state, or they are more than one click redrives.",
      },
    },
  },
  JOB: {
    ACTIONS: {
      RETRY: "Redrive",
      CLEAN: "Cancel",
      CONFIRM: {
        RETRY: "Give this dead job new attempts?",
        CLEAN: "Cancel this job? It ends as cancelled and does not run.",
        PROMOTE: "Run this job now instead of when it is due?",
      },
    },
  },
};

/** Bull Board's English texts with ours in their place. Texts of other languages stay as they come. */
export async function readWording(file: string): Promise<Texts> {
  return merge(JSON.parse(await readFile(file, "utf8")), ours);
}

function merge(theirs: Texts, better: Texts): Texts {
  const merged: Record<string, string | Texts> = { ...theirs };
  for (const [key, text] of Object.entries(better)) {
    const old = theirs[key];
    merged[key] = typeof text === "object" && typeof old === "object" ? merge(old, text) : text;
  }
  return merged;
}
