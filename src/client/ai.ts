import type { Budget, BudgetStatus } from "#core/ai-budgets.ts";
import type { CallState, RecordedCall } from "#core/ai-calls.ts";
import type { AiAnswer, AiExtract, AiMessage, AiText } from "#core/ai-jobs.ts";
import type { JobView } from "../ledger/job-reader.ts";
import type { AnswerDelta, Client } from "./client.ts";
import type { Http } from "./http.ts";
import { JobNotCompleted } from "./job-not-completed.ts";
import { pages, queryOf } from "./pages.ts";

/** How an answer is waited for. */
export interface AskOptions {
  /** Default: as long as it takes. The job goes on when this is over. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
  /** Makes it safe to ask again: the same key with the same question is the same job. */
  readonly idempotencyKey?: string;
}

/** Which budget it is. `subject`: the user or the purpose, `*` for each of them; left out for the tenant. */
export type BudgetKey = Pick<Budget, "scope" | "period"> & Partial<Pick<Budget, "subject">>;

/** Questions to models, what was spent, and what may be. Rejects with ProblemError, `ai_budget_exceeded` among others. */
export class AiCalls {
  readonly #http: Http;
  readonly #jobs: Pick<Client, "enqueue" | "wait" | "events" | "get">;

  constructor(http: Http, jobs: Pick<Client, "enqueue" | "wait" | "events" | "get">) {
    this.#http = http;
    this.#jobs = jobs;
  }

  /**
   * Ask, and wait for the answer. `onText`: told of the text so far as it comes; it may begin anew, when another provider has
   * to be asked. Rejects with JobNotCompleted.
   */
  async respond(
    asked: Omit<AiMessage, "stream">,
    options: AskOptions & { readonly onText?: (soFar: string, delta: AnswerDelta) => void } = {},
  ): Promise<AiAnswer> {
    const { onText, ...rest } = options;
    const payload = { ...asked, ...(onText && { stream: true }) };
    return this.#ask("ai.respond", payload, rest, onText && onDeltaOf(onText));
  }

  /** Read a text into a registered schema, and wait for what was found. Rejects with JobNotCompleted. */
  extract(asked: AiText, options: AskOptions = {}): Promise<AiExtract> {
    return this.#ask("ai.extract", asked, options);
  }

  /** Every call that was made, newest first, without what was said, page after page as you go on. `job`: only of this job. */
  calls(
    filter: { readonly state?: CallState; readonly job?: string } = {},
  ): AsyncGenerator<RecordedCall, void, undefined> {
    return pages(this.#http, "/v1/ai/calls", { ...filter });
  }

  /** Budgets and what is spent, of the present day and month (UTC). */
  async budgets(): Promise<readonly BudgetStatus[]> {
    return (await this.#http.json<{ items: BudgetStatus[] }>("/v1/ai/budgets")).items;
  }

  /** Make or replace one, and get all. `hard` (the default): refuse what goes beyond it. Needs an operator's key. */
  async setBudget(
    budget: BudgetKey & { readonly limitMicros: number; readonly hard?: boolean },
  ): Promise<readonly BudgetStatus[]> {
    return (await this.#http.json<{ items: BudgetStatus[] }>("/v1/ai/budgets", { body: budget })).items;
  }

  /** What was spent stays on record. Safe to repeat. Needs an operator's key. */
  async removeBudget({ scope, subject, period }: BudgetKey): Promise<void> {
    await this.#http.send(`/v1/ai/budgets?${queryOf({ scope, subject, period })}`, { method: "DELETE" });
  }

  async #ask<Result>(
    name: string,
    payload: unknown,
    { idempotencyKey, ...options }: AskOptions,
    onDelta?: (delta: AnswerDelta) => void,
  ): Promise<Result> {
    const { id } = await this.#jobs.enqueue(name, payload, idempotencyKey === undefined ? {} : { idempotencyKey });
    const job = onDelta ? await this.#follow(id, options, onDelta) : await this.#jobs.wait(id, options);
    if (job.state !== "completed") throw new JobNotCompleted(job);
    return job.result as Result;
  }

  async #follow(
    id: string,
    { timeoutMs, signal }: AskOptions,
    onDelta: (delta: AnswerDelta) => void,
  ): Promise<JobView> {
    const over = timeoutMs === undefined ? undefined : AbortSignal.timeout(timeoutMs);
    const signals = [signal, over].filter((one) => one !== undefined);
    const until = signals.length > 0 ? { signal: AbortSignal.any(signals) } : {};
    try {
      let last: JobView | undefined;
      for await (const { job } of this.#jobs.events(id, { onDelta, ...until })) last = job;
      return last ?? (await this.#jobs.get(id));
    } catch (error) {
      if (!over?.aborted || signal?.aborted) throw error;
      return this.#jobs.get(id);
    }
  }
}

/** Puts deltas together. */
function onDeltaOf(onText: (soFar: string, delta: AnswerDelta) => void): (delta: AnswerDelta) => void {
  let [run, text] = [-1, ""];
  return (delta) => {
    text = (delta.run === run ? text.slice(0, delta.from) : "") + delta.text;
    run = delta.run;
    onText(text, delta);
  };
}
