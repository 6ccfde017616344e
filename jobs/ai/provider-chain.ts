import { setTimeout as delay } from "node:timers/promises";
import { v7 } from "uuid";
import { AiBudgetReserved } from "#core/ai-budgets.ts";
import type { CallEnd, NewCall, PaidAnswer } from "#core/ai-calls.ts";
import type { Entry, Permit } from "#core/ai-gate.ts";
import { type AiProvider, type ModelAnswer, ModelCallFailed, type ModelRequest, type Price } from "#core/ai-models.ts";
import { minutes, seconds } from "#core/duration.ts";
import { StoreUnavailable } from "#core/errors.ts";
import type { HandlerContext } from "#core/handler.ts";
import type { LimitWait } from "#core/meters.ts";
import { RetryAfter, SnoozeJob } from "#core/outcome.ts";
import { AiRequestRefused, AllProvidersFailed, type Cause } from "./errors.ts";
import { costBound, costOf, tokenBound, tokenGuess } from "./tokens.ts";

/** A provider that asks for more patience than this is passed over while another one may answer. */
export const patienceMs = minutes(2);
/** And when all others have failed, one that is merely limited is still waited for so long, rather than done without. */
const lastPatienceMs = minutes(15);
/** A wait this short is not worth giving the slot back for. */
const briefMs = 400;
/** A time in line further off than this is asked for again then: the provider may have raised its limit meanwhile. */
const askAgainMs = seconds(75);
/** Waits for room in a budget. */
const roomMs = { first: 500, longest: seconds(10) };
/** How often the end of a call is offered to a Postgres that is away. */
const storeAwayMs = 500;
/** Longest call, headers to last byte. */
const callMs = seconds(60);

/** Who asks, for what, and how much it may cost. */
export interface Question {
  /** `answer`, `repair`: which question of the job it is. An answer is found again under it. */
  readonly step: string;
  readonly request: ModelRequest;
  readonly userId: string | undefined;
  readonly purpose: string;
  /** What the job may still spend; absent: as the budgets allow. */
  readonly maxCostMicros: number | undefined;
  /** Told of the text as it comes; a new run begins it anew. */
  readonly onDelta?: ((run: number, text: string) => void) | undefined;
}

/**
 * Ask the providers in their order until one answers. Every call is on record, with its reservation, before it is made,
 * and its answer is before this resolves. Rejects with RetryAfter or SnoozeJob when waiting is the answer (no slot held, no
 * attempt spent), AiRequestRefused when no provider will do, AiBudgetExceeded, or AllProvidersFailed with every cause.
 */
export async function askProviders(question: Question, ctx: HandlerContext): Promise<PaidAnswer> {
  const { providers } = ctx.services.ai;
  const causes: Cause[] = [];
  let shortestWaitMs = Number.POSITIVE_INFINITY;
  let { maxCostMicros } = question;
  for (const [index, provider] of providers.entries()) {
    ctx.signal.throwIfAborted();
    const run = ctx.attempt * 100 + index; // differs from that of every other call of the job
    const cause = await new ProviderCall(provider, { ...question, maxCostMicros }, ctx, run).make();
    if ("text" in cause) return cause;
    causes.push(cause);
    if (cause.waitMs !== undefined) shortestWaitMs = Math.min(shortestWaitMs, cause.waitMs);
    if (maxCostMicros !== undefined) maxCostMicros -= cause.maybeMicros ?? 0;
    ctx.log.warn({ ...cause }, "ai.provider_passed_over");
  }
  if (shortestWaitMs <= lastPatienceMs)
    throw new SnoozeJob("ai_rate_limited", Math.min(shortestWaitMs, askAgainMs), { causes });
  throw new AllProvidersFailed(causes);
}

/** One provider's turn: an answer, or why not. */
class ProviderCall {
  readonly #provider: AiProvider;
  readonly #question: Question;
  readonly #ctx: HandlerContext;
  readonly #run: number;

  constructor(provider: AiProvider, question: Question, ctx: HandlerContext, run: number) {
    this.#provider = provider;
    this.#question = question;
    this.#ctx = ctx;
    this.#run = run;
  }

  async make(): Promise<PaidAnswer | Cause> {
    const { request, maxCostMicros } = this.#question;
    const price = await this.#price();
    if (!price) return this.#cause("price_unknown");
    const estimateMicros = costBound(price, tokenBound(request.messages, request.schema), request.maxOutputTokens);
    if (maxCostMicros !== undefined && estimateMicros > maxCostMicros) return this.#cause("cost_above_limit");

    const entry = await this.#enter();
    if (entry.kind !== "go") {
      if (entry.kind === "open") return this.#cause("breaker_open");
      this.#held("passed-over");
      return this.#cause("provider_limited", { waitMs: entry.waitMs });
    }
    return this.#call(price, estimateMicros, entry.permit);
  }

  /** No price, no call: what it costs could be neither reserved nor recorded. */
  async #price(): Promise<Price | null> {
    const { name, model } = this.#provider;
    const price = this.#ctx.services.ai.prices.find(name, model, new Date(this.#ctx.clock.now()));
    if (!price) await this.#alert("ai_price_unknown", `${name}/${model}`);
    return price;
  }

  /** Leave to call. Throws SnoozeJob for a wait that is within patience. */
  async #enter(): Promise<Entry> {
    const { gate } = this.#ctx.services.ai;
    const { request } = this.#question;
    const tokens = request.messages.reduce((sum, { content }) => sum + tokenGuess(content), request.maxOutputTokens);
    for (let brief = 0; ; brief += 1) {
      const entry = await gate.enter(this.#provider, tokens).catch(waitForRedis);
      if (entry.kind !== "limited") return entry;
      if (entry.waitMs <= briefMs && brief < 5) {
        this.#held("brief");
        await delay(entry.waitMs, undefined, { signal: this.#ctx.signal });
        continue;
      }
      const queued = await gate.enter(this.#provider, tokens, { queue: true }).catch(waitForRedis);
      if (queued.kind !== "limited" || queued.waitMs > patienceMs) return queued;
      // A moment early: the rest is waited for here, so that no room stands empty while the queue brings the job.
      this.#held("queued");
      const earlyMs = Math.max(briefMs / 2, queued.waitMs - briefMs / 2);
      throw new SnoozeJob("ai_rate_limited", Math.min(earlyMs, askAgainMs), this.#named());
    }
  }

  async #call(price: Price, estimateMicros: number, permit: Permit): Promise<PaidAnswer | Cause> {
    const { services, tenant, jobId, attempt, signal } = this.#ctx;
    const { step, request, userId, purpose, onDelta } = this.#question;
    const { name, model } = this.#provider;
    const id = v7();
    const call = { id, tenant, jobId, step, attempt, userId, purpose, provider: name, model, estimateMicros };
    try {
      await this.#ctx.commit((sql) => services.ai.calls.open({ ...call, priceFrom: price.validFrom }, sql));
    } catch (error) {
      await this.#leave(permit, { kind: "unused" });
      if (error instanceof AiBudgetReserved) await this.#waitForRoom(error);
      throw error;
    }
    const startedAt = performance.now();
    const durationMs = () => performance.now() - startedAt;
    try {
      const answer = await services.ai.models.complete(this.#provider, request, {
        callId: id,
        signal,
        timeoutMs: callMs,
        onDelta: onDelta && ((text) => onDelta(this.#run, text)),
      });
      const paid = await this.#paid(answer, estimateMicros);
      const tokens = answer.usage ? answer.usage.inputTokens + answer.usage.outputTokens : undefined;
      const left = this.#leave(permit, { kind: "answered", tokens, rates: answer.rates }); // never rejects
      await this.#record(call, { state: "answered", answer: paid, durationMs: durationMs() });
      await left;
      return paid;
    } catch (error) {
      if (!(error instanceof ModelCallFailed)) {
        // Aborted in the middle of the call, or its record failed: it may be charged for.
        await services.ai.calls
          .end(call, { state: "unknown", errorCode: "call_interrupted", durationMs: durationMs() })
          .catch(() => undefined); // still `sent`: the next attempt finds it
        await this.#leave(permit, { kind: "neutral" });
        throw error;
      }
      const state = error.maybeBilled ? "unknown" : "failed";
      await this.#record(call, { state, errorCode: error.code, durationMs: durationMs() });
      const cause = await this.#failed(error, permit, Math.round(durationMs()));
      return error.maybeBilled ? { ...cause, maybeMicros: estimateMicros } : cause;
    }
  }

  /** Calls on their way may give back what they reserved. Throws SnoozeJob, longer each time, so that many do not crowd. */
  async #waitForRoom({ code, details }: AiBudgetReserved): Promise<never> {
    const { services, tenant, attempt } = this.#ctx;
    await services.ai.calls.giveUpLost(tenant);
    const longest = Math.min(roomMs.first * 2 ** Math.min(attempt - 1, 10), roomMs.longest);
    throw new SnoozeJob(code, Math.round(longest * (0.5 + Math.random() / 2)), details);
  }

  /** What was spent is written down, if need be when Postgres is back: for as long as this attempt may run. */
  async #record(call: Pick<NewCall, "id" | "tenant">, end: CallEnd): Promise<void> {
    for (;;) {
      try {
        return await this.#ctx.services.ai.calls.end(call, end);
      } catch (error) {
        if (!(error instanceof StoreUnavailable)) throw error;
        await delay(storeAwayMs, undefined, { signal: this.#ctx.signal });
      }
    }
  }

  /** Read a failure: wait, stop, or let the next provider try. */
  async #failed(failure: ModelCallFailed, permit: Permit, durationMs: number): Promise<Cause> {
    const { kind, code, status, retryAfterMs, rates } = failure;
    const counts = kind === "fall-over" || kind === "alert";
    await this.#leave(permit, { kind: counts ? "failed" : "neutral", rates, holdMs: retryAfterMs });
    const cause = this.#cause(code, { status, durationMs });
    switch (kind) {
      case "wait":
        this.#held("provider");
        if (retryAfterMs! <= patienceMs) throw new RetryAfter(retryAfterMs!, { ...this.#named(), status });
        return { ...cause, waitMs: retryAfterMs };
      case "stop":
        throw new AiRequestRefused(cause);
      case "alert":
        await this.#alert(`ai_${code}`, this.#provider.name, { status });
        return cause;
      case "fall-over":
        return cause;
    }
  }

  /** What the answer cost. An answer without usage, or of a model without a price, costs what was reserved for it. */
  async #paid(answer: ModelAnswer, estimateMicros: number): Promise<PaidAnswer> {
    const { name: provider } = this.#provider;
    const price = this.#ctx.services.ai.prices.find(provider, answer.model, new Date(this.#ctx.clock.now()));
    if (!price) await this.#alert("ai_price_unknown", `${provider}/${answer.model}`);
    const { text, finish, model, usage } = answer;
    const costMicros = price && usage ? costOf(price, usage) : estimateMicros;
    return { text, finish, provider, model, usage, costMicros };
  }

  /** Tell a person. What cannot be told now will be by the next call: no answer is lost over it. */
  async #alert(kind: string, subject: string, details: Readonly<Record<string, unknown>> = {}): Promise<void> {
    await this.#ctx.services.ai.incidents
      .open(kind, subject, details)
      .catch((error: Error) => this.#ctx.log.warn({ kind, subject, error: error.name }, "ai.incident_not_opened"));
  }

  /** What the gate is not told now it finds out by itself: a count that is too high, a probe that is silent. */
  async #leave(
    permit: Permit,
    outcome: Parameters<HandlerContext["services"]["ai"]["gate"]["leave"]>[2],
  ): Promise<void> {
    await this.#ctx.services.ai.gate.leave(this.#provider, permit, outcome).catch(() => undefined);
  }

  #held(kind: LimitWait): void {
    this.#ctx.services.ai.meter.limitWait({ ...this.#named(), kind });
  }

  #named(): { provider: string } {
    return { provider: this.#provider.name };
  }

  #cause(code: string, facts: Omit<Cause, "provider" | "code"> = {}): Cause {
    return { ...this.#named(), code, ...facts };
  }
}

/** Without the shared limits no call is made; the job comes again when Redis may be back. */
function waitForRedis(error: unknown): never {
  throw error instanceof StoreUnavailable ? new SnoozeJob("ai_limits_unavailable", seconds(2)) : error;
}
