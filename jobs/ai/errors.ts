import { NightshiftError, PermanentError } from "#core/errors.ts";

/** Why one provider of the chain gave no answer. */
export interface Cause {
  readonly provider: string;
  readonly code: string;
  readonly status?: number | undefined;
  readonly waitMs?: number | undefined;
  readonly durationMs?: number | undefined;
  /** Set when its call may be charged for: with at most so much. */
  readonly maybeMicros?: number | undefined;
}

/** No provider of the chain answered. Another attempt may find one that does. */
export class AllProvidersFailed extends NightshiftError {
  readonly code = "ai_providers_exhausted";
  readonly causes: readonly Cause[];

  constructor(causes: readonly Cause[]) {
    const told = causes.map(({ provider, code }) => `${provider}: ${code}`).join(", ");
    super(`Expected one of the providers to answer, none did (${told || "none is configured"})`, { causes });
    this.causes = causes;
  }
}

/** A provider refused the request itself: it will be refused again, by others as well. */
export class AiRequestRefused extends PermanentError {
  readonly code = "ai_request_refused";

  constructor(cause: Cause) {
    super(`Expected ${cause.provider} to take the request, it refused it: ${cause.code}`, { cause });
  }
}

/** The model declined to answer, by its policy. Asking another one until it agrees is not what a caller wants. */
export class AiAnswerRefused extends PermanentError {
  readonly code = "ai_answer_refused";

  constructor(provider: string) {
    super(`Expected an answer of ${provider}, its model declined to give one`, { provider });
  }
}

/** The answer does not meet its schema, and neither did the one after the request to repair it. */
export class AiOutputInvalid extends PermanentError {
  readonly code = "ai_output_invalid";

  constructor(schema: string, problems: readonly { path: string; code: string }[]) {
    const paths = problems.map(({ path, code }) => `${path || "it"}: ${code}`).slice(0, 20);
    super(`Expected an answer that meets schema "${schema}", found ${problems.length} problem(s)`, { schema, paths });
  }
}
