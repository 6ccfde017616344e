import type { ErrorRequestHandler } from "express";
import { AiBudgetExceeded } from "#core/ai-budgets.ts";
import { InvalidInput, JobNotFound, NightshiftError, StoreUnavailable, UnknownJob } from "#core/errors.ts";
import type { Log } from "#core/handler.ts";
import type { Problem } from "#core/problems.ts";
import { UnknownReport } from "#core/report-key.ts";
import { isConnectionError } from "../ledger/database.ts";
import { KeyTaken } from "../ledger/deduplication.ts";
import { BatchNotFound, BatchSealed } from "../producer/batch-producer.ts";
import { JobAlreadyEnded, JobIsRunning } from "../producer/cancellation.ts";
import { UnknownQueue } from "../producer/queue-settings.ts";
import { JobNotDead, JobSettling, QueueGone } from "../producer/redrive.ts";
import { DeliveryNotFound, DeliveryNotResendable } from "../reminders/deliveries.ts";
import { ObligationNotFound } from "../reminders/obligations.ts";
import { OccurrenceCompleted, OccurrenceNotFound } from "../reminders/occurrences.ts";
import { ScheduleDeclared, ScheduleNotFound } from "../scheduler/registry.ts";

/** Every problem this API answers, by its permanent code. `docs/errors.md` says what to do about each. */
export const problems = {
  malformed_json: { status: 400, title: "The body is not JSON in UTF-8" },
  tenant_required: { status: 400, title: "Whose work it is was not said" },
  invalid_tenant: { status: 400, title: "The tenant's name cannot be one" },
  unauthenticated: { status: 401, title: "The key is missing or not valid" },
  forbidden: { status: 403, title: "The key's role does not allow this" },
  tenant_forbidden: { status: 403, title: "The key belongs to another tenant" },
  route_not_found: { status: 404, title: "There is nothing at this address" },
  unknown_job: { status: 404, title: "No job of this name exists" },
  unknown_queue: { status: 404, title: "No queue of this name exists" },
  job_not_found: { status: 404, title: "No job of this id is kept" },
  batch_not_found: { status: 404, title: "No batch of this id is kept" },
  obligation_not_found: { status: 404, title: "No obligation of this id exists" },
  occurrence_not_found: { status: 404, title: "The obligation has no such occurrence" },
  delivery_not_found: { status: 404, title: "No delivery of this id exists" },
  calendar_not_found: { status: 404, title: "No calendar of this id exists" },
  unknown_report: { status: 404, title: "No report of this name exists" },
  document_not_found: { status: 404, title: "No such document or version exists" },
  schedule_not_found: { status: 404, title: "No schedule of this name exists" },
  method_not_allowed: { status: 405, title: "This address does not know this method" },
  job_already_ended: { status: 409, title: "The job has ended" },
  job_is_running: { status: 409, title: "The job runs and cannot be stopped" },
  job_not_dead: { status: 409, title: "The job is not a dead letter" },
  job_settling: { status: 409, title: "The job is just being put away" },
  queue_gone: { status: 409, title: "The job's queue no longer exists" },
  key_taken: { status: 409, title: "Another job holds the deduplication key" },
  idempotency_key_in_flight: { status: 409, title: "The first request with this key is still being answered" },
  occurrence_completed: { status: 409, title: "The occurrence was completed" },
  delivery_not_resendable: { status: 409, title: "The delivery need not be sent again" },
  batch_sealed: { status: 409, title: "The batch takes no more jobs" },
  schedule_declared: { status: 409, title: "The schedule comes with the code" },
  body_too_large: { status: 413, title: "The body is too large" },
  unsupported_media_type: { status: 415, title: "The body is not of a type this API reads" },
  range_not_satisfiable: { status: 416, title: "The range lies outside the content" },
  invalid_input: { status: 422, title: "The request was understood and refused" },
  idempotency_key_reused: { status: 422, title: "The key belongs to another request" },
  ai_budget_exceeded: { status: 429, title: "The budget for AI calls is used up" },
  internal_error: { status: 500, title: "Something went wrong on our side" },
  report_unavailable: { status: 503, title: "The report cannot be computed now" },
  store_unavailable: { status: 503, title: "A store does not answer" },
} as const satisfies Record<string, { readonly status: number; readonly title: string }>;

export type ProblemCode = keyof typeof problems;

/** What a route throws to answer a problem that no deeper layer knows. `detail` is shown to the caller. */
export class Refusal extends NightshiftError {
  readonly code: ProblemCode;
  readonly headers: Readonly<Record<string, string>>;

  constructor(code: ProblemCode, detail: string, headers: Readonly<Record<string, string>> = {}) {
    super(detail);
    this.code = code;
    this.headers = headers;
  }
}

/** Errors of the layers below and the problems they are. A Refusal names its own. */
const classes: ReadonlyArray<{
  readonly of: new (...args: never[]) => NightshiftError;
  readonly code: ProblemCode;
  readonly headers?: Readonly<Record<string, string>>;
}> = [
  { of: InvalidInput, code: "invalid_input" },
  { of: UnknownJob, code: "unknown_job" },
  { of: UnknownQueue, code: "unknown_queue" },
  { of: UnknownReport, code: "unknown_report" },
  { of: JobNotFound, code: "job_not_found" },
  { of: JobAlreadyEnded, code: "job_already_ended" },
  { of: JobIsRunning, code: "job_is_running" },
  { of: JobNotDead, code: "job_not_dead" },
  { of: JobSettling, code: "job_settling" },
  { of: QueueGone, code: "queue_gone" },
  { of: KeyTaken, code: "key_taken" },
  { of: BatchNotFound, code: "batch_not_found" },
  { of: ObligationNotFound, code: "obligation_not_found" },
  { of: OccurrenceNotFound, code: "occurrence_not_found" },
  { of: OccurrenceCompleted, code: "occurrence_completed" },
  { of: DeliveryNotFound, code: "delivery_not_found" },
  { of: DeliveryNotResendable, code: "delivery_not_resendable" },
  { of: BatchSealed, code: "batch_sealed" },
  { of: ScheduleNotFound, code: "schedule_not_found" },
  { of: ScheduleDeclared, code: "schedule_declared" },
  { of: StoreUnavailable, code: "store_unavailable", headers: { "Retry-After": "1" } },
];

/** Beyond so many the answer would be larger than the longest request: a body of 1 MiB can hold half a million. */
const maxErrors = 1_000;

/**
 * What any thrown value is to the caller. An error this project did not raise on purpose is `internal_error` without a
 * detail: its message may quote a statement or a value.
 */
export function toProblem(thrown: unknown): { problem: Problem; headers: Readonly<Record<string, string>> } {
  const error = isConnectionError(thrown) ? new StoreUnavailable("postgres", thrown) : thrown;
  if (error instanceof Refusal) return { problem: describe(error.code, error.message), headers: error.headers };
  if (error instanceof AiBudgetExceeded) return overBudget(error);
  const known = error instanceof NightshiftError && classes.find(({ of }) => error instanceof of);
  if (!known) return { problem: describe("internal_error"), headers: {} };
  const problem = describe(known.code, error.message);
  const errors = error instanceof InvalidInput ? { errors: error.problems.slice(0, maxErrors) } : {};
  return { problem: { ...problem, ...errors }, headers: known.headers ?? {} };
}

/** Nothing in the request is wrong but its time: when it may come again is in the header, and whose budget in the detail. */
function overBudget({ code, message, resetsAt }: AiBudgetExceeded): ReturnType<typeof toProblem> {
  const seconds = Math.max(1, Math.ceil((resetsAt.getTime() - Date.now()) / 1_000));
  const errors = [{ path: "payload", message, code }];
  return { problem: { ...describe(code, message), errors }, headers: { "Retry-After": String(seconds) } };
}

function describe(code: ProblemCode, detail?: string): Problem {
  const { status, title } = problems[code];
  return { type: `/docs#${code}`, title, status, code, ...(detail !== undefined && { detail }) };
}

/** Headers of the answer that was meant, were it not for the problem. */
const ofTheContent = ["Content-Disposition", "Content-Length", "Content-Range", "ETag", "Accept-Ranges", "Location"];

/** The last middleware: every error becomes a problem document, and those of our making one line of log. */
export function problemHandler(log: Log): ErrorRequestHandler {
  return (error, req, res, _next) => {
    const { problem, headers } = toProblem(fromExpress(error));
    if (problem.status >= 500)
      log.error({ requestId: res.locals.requestId, code: problem.code, ...frames(error) }, "request.failed");
    if (res.headersSent) return void req.socket.destroy(); // half an answer: a cut connection is the honest rest of it
    for (const name of ofTheContent) res.removeHeader(name);
    res.status(problem.status).set({ "Cache-Control": "no-store", ...headers });
    res.type("application/problem+json").send(JSON.stringify(problem));
  };
}

/** Express refuses a path that is not percent-encoded UTF-8 by itself. */
function fromExpress(error: unknown): unknown {
  return error instanceof URIError
    ? new Refusal("route_not_found", "Expected a path in percent-encoded UTF-8, found another")
    : error;
}

/** A library's message may quote statements and values: the log gets kind, code and place. */
function frames(error: unknown): object {
  const { name, code, stack, cause } = (error ?? {}) as Record<string, unknown>;
  const places = typeof stack === "string" ? stack.split("\n").filter((line) => /^\s+at /.test(line)) : [];
  return {
    error: name ?? typeof error,
    errorCode: code,
    frames: places.slice(0, 12).map((line) => line.trim()),
    ...(cause !== undefined && { cause: frames(cause) }),
  };
}
