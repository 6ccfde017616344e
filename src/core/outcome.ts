import { NightshiftError } from "./errors.ts";

/**
 * What a handler may throw to steer its job; anything else thrown is a failure that the retry policy answers.
 * The set is closed: `worker/attempt.ts` is the one place that reads it.
 */

/** No further attempt can help and nothing is wrong: the job ends `cancelled` with this code. */
export class CancelJob extends NightshiftError {
  readonly code: string;

  constructor(code: string, details: Readonly<Record<string, unknown>> = {}) {
    super(`The handler cancelled its job: ${code}`, details);
    this.code = code;
  }
}

/** A dependency said "not yet": wait `delayMs` and come again. Spends no attempt, holds no slot. */
export class SnoozeJob extends NightshiftError {
  readonly code: string;
  readonly delayMs: number;

  constructor(code: string, delayMs: number, details: Readonly<Record<string, unknown>> = {}) {
    super(`The handler asked to come again in ${delayMs} ms: ${code}`, { ...details, delayMs });
    this.code = code;
    this.delayMs = delayMs;
  }
}

/** A dependency named its own time (HTTP `Retry-After`): exactly that is waited. Spends no attempt, holds no slot. */
export class RetryAfter extends SnoozeJob {
  constructor(delayMs: number, details: Readonly<Record<string, unknown>> = {}) {
    super("retry_after", delayMs, details);
  }
}
