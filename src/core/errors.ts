import { unstorable } from "./storable.ts";

/**
 * Base of every error this project raises on purpose. `code` is permanent: clients and runbooks match on it, never on
 * the message. The message says what was expected, what was found and what to do; it must not contain payload values,
 * because it is stored in the ledger and shown on dashboards.
 */
export abstract class NightshiftError extends Error {
  abstract readonly code: string;
  /** Facts for machines, free of personal data: paths, limits, counts. */
  readonly details: Readonly<Record<string, unknown>>;
  /** True when no later attempt can succeed: the worker then skips the remaining retries. */
  readonly permanent: boolean = false;

  constructor(message: string, details: Readonly<Record<string, unknown>> = {}, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
    this.details = details;
  }
}

/** A failure that no retry can mend, such as text that no embedded font can draw: the job goes to the dead letters at once. */
export abstract class PermanentError extends NightshiftError {
  override readonly permanent = true;
}

/** One rejected field of some input. `path` is dotted (`userInputs.lines.3.quantity`), empty for the whole. */
export interface FieldProblem {
  readonly path: string;
  readonly message: string;
  /** Permanent code of this kind of problem, e.g. `too_big`; absent when the schema gave none. */
  readonly code?: string;
}

/** Input refused at the door: every problem with its path, nothing changed. */
export class InvalidInput extends NightshiftError {
  readonly code: string;
  readonly problems: readonly FieldProblem[];

  constructor(what: string, problems: readonly FieldProblem[], code = "invalid_input") {
    const first = problems[0];
    super(`${what}: ${problems.length} problem(s), first at "${first?.path ?? ""}": ${first?.message ?? "unknown"}`);
    this.code = code;
    this.problems = problems;
  }
}

/** A job name that the catalog does not hold. */
export class UnknownJob extends NightshiftError {
  readonly code = "unknown_job";

  constructor(name: string) {
    super(`Expected the name of a job in the catalog, found "${name}". GET /v1/job-types lists them.`, { job: name });
  }
}

/** No job of that id, or none that this tenant may see. */
export class JobNotFound extends NightshiftError {
  readonly code = "job_not_found";

  constructor(id: string) {
    super(
      `Expected the id of a job that is kept, found none for "${id}". Ended jobs leave after their queue's retention.`,
    );
  }
}

/** A store that must answer before the promise can be given does not answer. Try again later; nothing was recorded. */
export class StoreUnavailable extends NightshiftError {
  readonly code = "store_unavailable";

  constructor(store: "postgres" | "redis", cause: unknown) {
    super(`Expected ${store} to answer, it did not. Nothing was recorded; try again.`, { store }, { cause });
  }
}

/** What is kept of an error beside a job: permanent code and message, no stack, no payload. */
export interface ErrorSummary {
  readonly code: string;
  readonly message: string;
  readonly details?: Readonly<Record<string, unknown>>;
}

const messageLimit = 500; // characters; a driver's error may quote a whole statement
const detailsLimit = 8_000; // characters of JSON
/** What class names and system codes look like; anything else in their place may be a value. */
const plainName = /^[\w.$-]{1,60}$/;

/**
 * Reduce any thrown value to what may be stored and shown. Messages of foreign errors are kept out, because libraries
 * put values (addresses, statements, file contents) into them; their class name and system code stay. What Postgres
 * cannot hold is mended or left out: a summary that cannot be stored would leave its job open for ever.
 */
export function summarize(thrown: unknown): ErrorSummary {
  if (thrown instanceof NightshiftError) {
    const { code, message, details } = thrown;
    return { code: storableText(code), message: storableText(message), ...(isStorable(details) && { details }) };
  }
  if (thrown instanceof Error) {
    const name = plainName.test(thrown.name) ? thrown.name : "Error";
    const code = "code" in thrown && typeof thrown.code === "string" && plainName.test(thrown.code) && thrown.code;
    return {
      code: "handler_error",
      message: `${name}${code ? ` (${code})` : ""}: see the worker's log for the whole error`,
    };
  }
  return { code: "handler_error", message: `Expected an Error to be thrown, found a ${typeof thrown}` };
}

function storableText(text: string): string {
  return text.slice(0, messageLimit).replaceAll("\0", "\uFFFD").toWellFormed();
}

function isStorable(details: Readonly<Record<string, unknown>>): boolean {
  if (Object.keys(details).length === 0 || unstorable(details, "").length > 0) return false;
  return JSON.stringify(details).length <= detailsLimit;
}
