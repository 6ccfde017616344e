import { createHash } from "node:crypto";
import type { CacheLook } from "#core/ai.ts";
import type { JobCalls, PaidAnswer } from "#core/ai-calls.ts";
import type { ModelRequest } from "#core/ai-models.ts";
import type { HandlerContext } from "#core/handler.ts";
import { SnoozeJob } from "#core/outcome.ts";
import { AiAnswerRefused } from "./errors.ts";
import { askProviders, type Question } from "./provider-chain.ts";

/** Whoever waits for another job's answer looks again after this, then twice as long each time. */
const lookAgainMs = { first: 250, longest: 5_000 };

/** Answers of one job: each question is bought once, whatever happens to the attempts. */
export class Purchases {
  readonly #ctx: HandlerContext;
  readonly #maxCostMicros: number | undefined;
  readonly #earlier: JobCalls;
  #committedMicros: number;

  private constructor(ctx: HandlerContext, maxCostMicros: number | undefined, earlier: JobCalls) {
    this.#ctx = ctx;
    this.#maxCostMicros = maxCostMicros;
    this.#earlier = earlier;
    this.#committedMicros = earlier.committedMicros;
  }

  /** With what earlier attempts bought; calls that they left open become `unknown`. */
  static async of(ctx: HandlerContext, maxCostMicros: number | undefined): Promise<Purchases> {
    return new Purchases(ctx, maxCostMicros, await ctx.services.ai.calls.of(ctx.tenant, ctx.jobId, ctx.attempt));
  }

  /** An earlier attempt of this job has bought something: what it needs is its own. */
  get begun(): boolean {
    return this.#earlier.answers.size > 0;
  }

  /** The answer to a question: an earlier attempt's, or a new one. Rejects with AiAnswerRefused, and as `askProviders` does. */
  async answer(question: Omit<Question, "maxCostMicros">): Promise<PaidAnswer> {
    const stored = this.#earlier.answers.get(question.step);
    const answer = stored ?? (await this.#buy(question));
    if (answer.finish === "refusal") throw new AiAnswerRefused(answer.provider);
    return answer;
  }

  async #buy(question: Omit<Question, "maxCostMicros">): Promise<PaidAnswer> {
    const limit = this.#maxCostMicros;
    const maxCostMicros = limit === undefined ? undefined : limit - this.#committedMicros;
    const answer = await askProviders({ ...question, maxCostMicros }, this.#ctx);
    this.#committedMicros += answer.costMicros;
    return answer;
  }
}

/**
 * An answer that the tenant has already, or that `buy` buys while everybody else who asks the same thing waits (with a
 * snooze: no slot held). What `buy` throws lets another one try, but for a wait: then the job goes on leading when it is back.
 */
export async function boughtOrCached(
  key: string,
  purchases: Purchases,
  ctx: HandlerContext,
  buy: () => Promise<PaidAnswer>,
): Promise<{ readonly answer: PaidAnswer; readonly cached: boolean }> {
  const { cache } = ctx.services.ai;
  const look: CacheLook = purchases.begun ? { kind: "lead" } : await cache.look(ctx.tenant, key, ctx.jobId);
  if (look.kind === "hit") return { answer: look.answer, cached: true };
  if (look.kind === "wait") {
    const delayMs = Math.min(lookAgainMs.first * 2 ** (ctx.attempt - 1), lookAgainMs.longest);
    throw new SnoozeJob("ai_same_request_in_flight", delayMs);
  }
  try {
    const answer = await buy();
    await cache.put(ctx.tenant, key, ctx.jobId, answer);
    return { answer, cached: false };
  } catch (error) {
    if (!(error instanceof SnoozeJob)) await cache.abandon(ctx.tenant, key, ctx.jobId).catch(() => undefined);
    throw error;
  }
}

/** What makes two requests the same: prompt version, models, parameters and every word. The tenant is a column of its own. */
export function cacheKey(ctx: HandlerContext, promptVersion: string, request: ModelRequest): string {
  const models = ctx.services.ai.providers.map(({ name, model }) => `${name}/${model}`);
  return createHash("sha256")
    .update(JSON.stringify([promptVersion, models, request]))
    .digest("hex");
}
