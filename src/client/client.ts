import type { z } from "zod";
import type { JobDefinition } from "#core/job.ts";
import type { JobLine, JobView } from "../ledger/job-reader.ts";
import type { JobState } from "../ledger/job-state.ts";
import type { EnqueueOptions } from "../producer/options.ts";
import type { Receipt } from "../producer/receipt.ts";
import { AiCalls } from "./ai.ts";
import { type Batch, BatchCalls, type BatchOptions } from "./batches.ts";
import { CalendarCalls } from "./calendars.ts";
import { type Document, Documents, type DocumentVersion } from "./documents.ts";
import { readEvents } from "./event-stream.ts";
import { Http, ProblemError } from "./http.ts";
import { JobNotCompleted } from "./job-not-completed.ts";
import { ObligationCalls } from "./obligations.ts";
import { pages } from "./pages.ts";
import { pause } from "./pause.ts";
import { ReminderCalls } from "./reminders.ts";
import { ReportCalls } from "./reports.ts";
import { type Schedule, ScheduleCalls, type ScheduleRequest } from "./schedules.ts";

export type { AskOptions, BudgetKey } from "./ai.ts";
export type { AppliedCalendar, CalendarApplication, ComplianceCalendar } from "./calendars.ts";
export type {
  Delivery,
  Obligation,
  ObligationChange,
  ObligationLine,
  ObligationRequest,
  Occurrence,
} from "./obligations.ts";
export type { Compliance, PreviewedMessage } from "./reminders.ts";
export type {
  ReadOptions,
  Report,
  ReportFile,
  ReportParams,
  ReportPlan,
  ReportReading,
  ReportType,
} from "./reports.ts";
export type {
  Batch,
  BatchOptions,
  Document,
  DocumentVersion,
  EnqueueOptions,
  JobLine,
  JobState,
  JobView,
  Receipt,
  Schedule,
  ScheduleRequest,
};
export { JobNotCompleted, ProblemError };

export interface ClientOptions {
  /** `https://nightshift.internal`: where the API listens. */
  readonly baseUrl: string;
  readonly key: string;
  /** Only for a key that may act for any tenant. */
  readonly tenant?: string;
  /** Default: the global one. */
  readonly fetch?: typeof fetch;
}

/** A job to enqueue: by its definition, which types the payload, or by its name. */
export type JobReference<Payload extends z.ZodType = z.ZodType> = JobDefinition<Payload> | string;
type PayloadOf<Job> = Job extends JobDefinition<infer Payload> ? z.input<Payload> : unknown;

export interface NewJob<Job extends JobReference = JobReference> extends EnqueueOptions {
  readonly job: Job;
  readonly payload: PayloadOf<Job>;
}

/** What surrounds a request. */
export interface RequestOptions {
  readonly traceparent?: string | undefined;
  /** Makes it safe to send again: for 24 h the same key with the same content gets the first answer again. */
  readonly idempotencyKey?: string | undefined;
}

/** A job that has ended, or has not within the time given: look at `state`. */
export type EndedJob<Result> = Omit<JobView, "result"> & { readonly result: Result };

export interface JobChange {
  /** The new state, or `progress` when only the progress changed. */
  readonly event: JobState | "progress";
  readonly job: JobView;
}

/** More of an answer that streams: `text` belongs at position `from`; another `run` begins the answer anew. */
export interface AnswerDelta {
  readonly run: number;
  readonly from: number;
  readonly text: string;
}

export interface ListFilter {
  readonly state?: JobState;
  readonly job?: string;
  readonly queue?: string;
  readonly tag?: string;
  /** Only jobs of this batch. */
  readonly batch?: string;
  /** Accepted at this instant (ISO 8601) or later. */
  readonly since?: string;
}

const waitPerRequestMs = 30_000; // within the patience of the usual proxies (60 s)
const reconnectMs = 1_000;

/** The typed client of the HTTP API. Every method rejects with ProblemError when the API answers a problem. */
export function createClient(options: ClientOptions): Client {
  return new Client(options);
}

/** Hand work off and follow it over HTTP. Holds no connection: make one per process and share it. */
export class Client {
  readonly documents: Documents;
  readonly batches: BatchCalls;
  readonly schedules: ScheduleCalls;
  readonly obligations: ObligationCalls;
  readonly calendars: CalendarCalls;
  readonly reminders: ReminderCalls;
  readonly reports: ReportCalls;
  readonly ai: AiCalls;
  readonly #http: Http;

  constructor(options: ClientOptions) {
    this.#http = new Http(options);
    this.documents = new Documents(this.#http);
    this.batches = new BatchCalls(this.#http);
    this.schedules = new ScheduleCalls(this.#http);
    this.obligations = new ObligationCalls(this.#http);
    this.calendars = new CalendarCalls(this.#http);
    this.reminders = new ReminderCalls(this.#http);
    this.reports = new ReportCalls(this.#http);
    this.ai = new AiCalls(this.#http, this);
  }

  /**
   * Enqueue one job. It is durable when this resolves. Not repeated by itself: after a lost connection the caller cannot
   * know; give an `idempotencyKey`, and call it again with the same one.
   */
  enqueue<Job extends JobReference>(
    job: Job,
    payload: PayloadOf<Job>,
    options: EnqueueOptions & RequestOptions = {},
  ): Promise<Receipt> {
    const { traceparent, idempotencyKey, ...rest } = options;
    return this.#http.json(`/v1/jobs/${encodeURIComponent(nameOf(job))}`, {
      body: { payload, ...rest },
      headers: headersOf({ traceparent, idempotencyKey }),
    });
  }

  /** Enqueue up to 1,000 jobs: all of them, or none and a ProblemError that names every problem. */
  async enqueueMany(jobs: readonly NewJob[], options: RequestOptions = {}): Promise<readonly Receipt[]> {
    const body = { jobs: jobs.map((one) => ({ ...one, job: nameOf(one.job) })) };
    const { items } = await this.#http.json<{ items: Receipt[] }>("/v1/jobs", { body, headers: headersOf(options) });
    return items;
  }

  get(id: string): Promise<JobView> {
    return this.#http.json(jobPath(id));
  }

  /**
   * Wait until a job has ended, by long polls; at most `timeoutMs` (default: as long as it takes). Resolves with the job
   * as it then is: look at `state`, because a job may also end dead, cancelled or expired, or still be open. Once it was
   * reached, the API may go away and come back meanwhile, as it does in a deploy.
   */
  async wait<Result = unknown>(
    id: string,
    { timeoutMs = Number.POSITIVE_INFINITY, signal }: { timeoutMs?: number; signal?: AbortSignal } = {},
  ): Promise<EndedJob<Result>> {
    const until = Date.now() + timeoutMs;
    for (let reached = false; ; ) {
      const left = Math.max(0, until - Date.now());
      const waitMs = Math.ceil(Math.min(left, waitPerRequestMs));
      try {
        const job = await this.#http.json<EndedJob<Result>>(`${jobPath(id)}?wait=${waitMs}ms`, { signal });
        if (hasEnded(job.state) || Date.now() >= until) return job;
        reached = true;
      } catch (error) {
        if (!reached || left === 0 || signal?.aborted || !isAway(error)) throw error;
        await pause(Math.min(left, reconnectMs), signal);
      }
    }
  }

  /** All jobs that match, newest first, page after page as you go on. */
  list(filter: ListFilter = {}): AsyncGenerator<JobLine, void, undefined> {
    return pages(this.#http, "/v1/jobs", { ...filter });
  }

  /** Cancel a waiting job at once, or ask a running one to stop: `state` says which. `children`: its descendants too. */
  cancel(id: string, { children = false }: { readonly children?: boolean } = {}): Promise<JobView> {
    return this.#http.json(`${jobPath(id)}${children ? "?children=true" : ""}`, { method: "DELETE" });
  }

  /** Give a dead job new attempts. Needs an operator's key. `job_settling`: it died this very moment, try again. */
  redrive(id: string): Promise<JobView> {
    return this.#http.json(`${jobPath(id)}/redrive`, { method: "POST" });
  }

  /**
   * The present of a job, then its changes until it has ended. Once it was reached, a lost connection is taken up again
   * where it was. Ends after the terminal state; rejects when `signal` aborts.
   */
  async *events(
    id: string,
    { signal, onDelta }: { signal?: AbortSignal; onDelta?: (delta: AnswerDelta) => void } = {},
  ): AsyncGenerator<JobChange, void, undefined> {
    let lastEventId: string | undefined;
    for (;;) {
      const headers = lastEventId === undefined ? {} : { "last-event-id": lastEventId };
      try {
        const response = await this.#http.send(`${jobPath(id)}/events`, { headers, signal });
        if (response.status === 204) return;
        for await (const { id: eventId, event, data } of readEvents(response.body!)) {
          if (event === "delta") {
            onDelta?.(JSON.parse(data) as AnswerDelta);
            continue;
          }
          lastEventId = eventId;
          const job = JSON.parse(data) as JobView;
          yield { event: event as JobChange["event"], job };
          if (hasEnded(job.state)) return;
        }
      } catch (error) {
        if (lastEventId === undefined || signal?.aborted || !isAway(error)) throw error;
      }
      await pause(reconnectMs, signal);
    }
  }
}

function headersOf({ traceparent, idempotencyKey }: RequestOptions): Record<string, string> {
  return {
    ...(traceparent !== undefined && { traceparent }),
    ...(idempotencyKey !== undefined && { "idempotency-key": idempotencyKey }),
  };
}

function nameOf(job: JobReference): string {
  return typeof job === "string" ? job : job.name;
}

function jobPath(id: string): string {
  return `/v1/jobs/${encodeURIComponent(id)}`;
}

function hasEnded(state: JobState): boolean {
  return state === "completed" || state === "dead" || state === "cancelled" || state === "expired";
}

/** Nobody answers for the moment. fetch says TypeError when it cannot connect, and when a body ends before its time. */
function isAway(error: unknown): boolean {
  return error instanceof TypeError || (error instanceof ProblemError && error.status === 503);
}
