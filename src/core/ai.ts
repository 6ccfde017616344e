import type { Budgets } from "./ai-budgets.ts";
import type { CallBook, PaidAnswer } from "./ai-calls.ts";
import type { ProviderGate } from "./ai-gate.ts";
import type { AiProvider, ModelClient, ModelMessage, PriceTable } from "./ai-models.ts";
import type { AiMeter } from "./meters.ts";
import type { SqlRunner } from "./sql.ts";

/** What the AI family needs of the outside world. Money is in micros: millionths of a US dollar, whole numbers. */
export interface AiServices {
  /** The chain's providers in their declared order, those that are configured. */
  readonly providers: readonly AiProvider[];
  readonly models: ModelClient;
  readonly gate: ProviderGate;
  readonly prices: PriceTable;
  readonly calls: CallBook;
  readonly budgets: Budgets;
  readonly cache: AnswerCache;
  readonly conversations: Conversations;
  readonly drafts: Drafts;
  readonly incidents: AiIncidents;
  readonly meter: AiMeter;
}

/** What a look into the cache found. */
export type CacheLook =
  | { readonly kind: "hit"; readonly answer: PaidAnswer }
  /** Nobody has asked this: the looker is to, and tells `put` or `abandon`. */
  | { readonly kind: "lead" }
  /** Another job is asking this very thing. */
  | { readonly kind: "wait" };

/** Answers that the same tenant gets again for nothing, by the exact request. */
export interface AnswerCache {
  look(tenant: string, key: string, jobId: string): Promise<CacheLook>;
  put(tenant: string, key: string, jobId: string, answer: PaidAnswer): Promise<void>;
  /** The leader has no answer: let another one lead. */
  abandon(tenant: string, key: string, jobId: string): Promise<void>;
}

/** What was said in sessions. */
export interface Conversations {
  /** The newest messages of a session, oldest first, without those of `jobId`; at most `limit`. */
  recent(tenant: string, sessionId: string, jobId: string, limit: number): Promise<readonly ModelMessage[]>;
  /** Add what a job asked and was answered; once per job. */
  add(
    turn: { tenant: string; sessionId: string; jobId: string; asked: string; answered: string },
    within: SqlRunner,
  ): Promise<void>;
}

/** The answer of a running job as far as it has come. */
export interface Draft {
  /** Counts the calls of the job: another run begins the text anew. */
  readonly run: number;
  readonly text: string;
}

export interface Drafts {
  write(tenant: string, jobId: string, draft: Draft): Promise<void>;
  read(tenant: string, jobId: string): Promise<Draft | null>;
}

/** Where a person is told. */
export interface AiIncidents {
  open(kind: string, subject: string, details?: Readonly<Record<string, unknown>>): Promise<boolean>;
}
