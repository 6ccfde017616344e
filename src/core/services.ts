import type { Readable } from "node:stream";
import type { AiServices } from "./ai.ts";
import type { Channel } from "./channel.ts";
import type { Log } from "./handler.ts";
import type { Outbox } from "./outbox.ts";
import type { ReportPermission } from "./report.ts";
import type { Recipients, ReportFiles } from "./report-delivery.ts";
import type { SqlRunner } from "./sql.ts";

/** The outside world as handlers see it. Implementations live in `src/services/`; `bin/` puts them together. */
export interface Services {
  readonly blobs: BlobStore;
  readonly documents: DocumentStore;
  readonly retention: Retention;
  readonly reconciler: Reconciler;
  /** Ways to reach people, by name: `email`, `slack`, `pagerduty`. */
  readonly channels: Readonly<Record<string, Channel>>;
  readonly outbox: Outbox;
  readonly ai: AiServices;
  readonly reports: Reports;
  readonly reportFiles: ReportFiles;
  readonly recipients: Recipients;
}

/** Content-addressed bytes: the key is the SHA-256 of the content, so the same bytes are stored once. */
export interface BlobStore {
  /** Store bytes; safe to repeat. Resolves once they are on disk (or acknowledged by the remote store). */
  put(bytes: Uint8Array): Promise<{ readonly sha256: string; readonly sizeBytes: number }>;
  /** Read bytes `start` to `end` inclusive (the whole by default). Rejects with `BlobNotFound`. */
  read(sha256: string, range?: { readonly start: number; readonly end: number }): Promise<Readable>;
  has(sha256: string): Promise<boolean>;
  /** Every hash that is stored, in pages of at most `size`. What is put or collected meanwhile may or may not appear. */
  pages(size: number): AsyncIterable<readonly string[]>;
  /** Remove a blob that nobody has put since `unusedSince`. `false`: it is newer, or gone already. */
  collect(sha256: string, unusedSince: Date): Promise<boolean>;
}

/** Compares the ledger with the engines, and mends what differs. */
export interface Reconciler {
  /** One pass over all queues; rejects with the signal's reason when it aborts. Safe to repeat, and to run twice at once. */
  reconcile(signal: AbortSignal): Promise<Reconciliation>;
}

/** What a pass found. */
export interface Reconciliation {
  readonly queues: readonly QueueReconciliation[];
  /** Queues that an operator paused or resumed and whose engine did not know. */
  readonly settingsApplied: readonly string[];
}

/** What a pass found in one queue. */
export interface QueueReconciliation {
  readonly queue: string;
  /** False: its engine did not answer, and nothing below but the books was looked at. */
  readonly reached: boolean;
  /** Open jobs looked at. */
  readonly checked: number;
  /** Jobs that should have waited in the engine and did not: given to the relay. */
  readonly sentAgain: number;
  /** Attempts whose worker vanished, with the engine's entry: closed as lost, the job given to the relay. */
  readonly attemptsLost: number;
  /** Jobs that the engine had given up and the ledger had not: dead. */
  readonly buried: number;
  /** Entries of jobs that have ended, or are not in the ledger: taken out. */
  readonly removed: number;
  readonly accepted: number;
  readonly completed: number;
  readonly dead: number;
  readonly cancelled: number;
  readonly expired: number;
  readonly open: number;
  /** accepted − all the others; not 0 is an incident. */
  readonly missing: number;
}

/** Answers to questions that are asked often, computed once. */
export interface Reports {
  /**
   * Compute one result and store it, unless one is there that is fresh (and later than `newerThan`). Fenced: of several
   * computations of one question only the holder of the newest lease can store. Rejects with SnoozeJob while another
   * computes it, UnknownReport, InvalidInput, or ReportFailed (without the statement).
   */
  compute(order: ReportOrder, attempt: ReportAttempt): Promise<ComputedReport>;
  /** Enqueue computations of the popular results that are about to expire, within a budget. Safe to repeat. */
  prepare(budgetMs: number, signal: AbortSignal): Promise<PreparedReports>;
  /**
   * What was computed from now on is fresh; results with one of these tags from before are stale. Call it after the commit
   * of what changed. Safe to repeat; rejects when a store did not take it.
   */
  invalidate(tenant: string, tags: readonly string[]): Promise<void>;
}

export interface ReportOrder {
  readonly tenant: string;
  readonly report: string;
  readonly permission: ReportPermission | undefined;
  readonly params: unknown;
  /** `asOf` of a result that is not new enough. ISO 8601. */
  readonly newerThan: string | undefined;
}

/** The attempt that computes. */
export interface ReportAttempt {
  readonly jobId: string;
  readonly signal: AbortSignal;
  readonly log: Log;
  commit<Value>(write: (sql: SqlRunner) => Promise<Value>): Promise<Value>;
}

export interface ComputedReport {
  /** False: there was a fresh result already. */
  readonly computed: boolean;
  readonly asOf: string;
  readonly rows: number;
  /** Time in the database. */
  readonly tookMs: number;
  readonly sizeBytes: number;
}

export interface PreparedReports {
  /** Questions looked at. */
  readonly considered: number;
  /** Computations enqueued, or already on their way. */
  readonly refreshed: number;
  readonly budgetMs: number;
  /** Expected database time of what was enqueued. */
  readonly plannedMs: number;
}

/** Forgets what nobody is promised any more. */
export interface Retention {
  /** Everything that is past its time, in small batches; rejects with the signal's reason when it aborts. */
  prune(signal: AbortSignal): Promise<Pruned>;
}

/** How many of each were deleted. */
export interface Pruned {
  readonly jobs: number;
  readonly idempotencyKeys: number;
  readonly sessions: number;
  readonly blobs: number;
  /** Of obligations, with their messages. */
  readonly occurrences: number;
  readonly aiCalls: number;
}

/** Documents and their versions, by tenant. A version is written once and never changed. */
export interface DocumentStore {
  /**
   * Add version n+1 of a document, creating the document at version 1. Idempotent by `jobId`: an attempt that repeats a
   * finished one gets the version that exists. Rejects with DocumentOfAnother when the document is another company's.
   * `within`: a transaction that decides whether the version is (`ctx.commit`); a transaction of its own by default.
   */
  addVersion(version: NewDocumentVersion, within?: SqlRunner): Promise<DocumentVersion>;
  find(tenant: string, documentId: string): Promise<StoredDocument | null>;
  versions(tenant: string, documentId: string): Promise<readonly DocumentVersion[]>;
  version(tenant: string, documentId: string, number: number): Promise<DocumentVersion | null>;
  /** Every version stored at or after `since`, oldest document first, read in pages of `pageSize`. `null`: of all tenants. */
  storedSince(tenant: string | null, since: Date, pageSize: number): AsyncIterable<DocumentVersion>;
}

export interface NewDocumentVersion {
  readonly tenant: string;
  readonly documentId: string;
  readonly companyId: string;
  readonly jobId: string;
  readonly templateId: string;
  readonly templateVersion: number;
  readonly locale: string;
  readonly sha256: string;
  readonly sizeBytes: number;
  readonly pageCount: number;
  readonly contentType: string;
  /** Suggested name of a download, e.g. `INV-2026-27-0042.pdf`. */
  readonly fileName: string;
}

export interface DocumentVersion extends Omit<NewDocumentVersion, "tenant"> {
  /** 1, 2, 3 … within the document, without gaps. */
  readonly version: number;
  readonly createdAt: Date;
}

export interface StoredDocument {
  readonly documentId: string;
  readonly companyId: string;
  readonly templateId: string;
  readonly latestVersion: number;
  readonly createdAt: Date;
}
