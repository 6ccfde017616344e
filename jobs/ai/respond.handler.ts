import type { Handler, HandlerContext } from "#core/handler.ts";
import { boughtOrCached, cacheKey, Purchases } from "./buy-once.ts";
import { DraftWriter } from "./draft.ts";
import { AllProvidersFailed } from "./errors.ts";
import { memoryMessages, remembered } from "./memory.ts";
import { respondPrompt, respondRequest } from "./prompts.ts";
import type { Respond, Responded } from "./respond.job.ts";
import { simpleAnswer } from "./simple.ts";
import { spender } from "./spender.ts";

export const handle: Handler<Respond, Responded> = async (asked, ctx) => {
  const { message, context = "", sessionId } = asked;
  const responded = await answer(asked, ctx).catch((error: unknown) => {
    const simple = error instanceof AllProvidersFailed ? simpleAnswer(message, context) : null;
    if (simple === null) throw error;
    ctx.services.ai.meter.degraded({ tenant: ctx.tenant });
    return degraded(simple);
  });
  if (sessionId !== undefined) {
    const turn = { tenant: ctx.tenant, sessionId, jobId: ctx.jobId, asked: message, answered: responded.answer };
    await ctx.commit((sql) => ctx.services.ai.conversations.add(turn, sql));
  }
  const { provider, model, cached, costMicros } = responded;
  ctx.log.info({ provider, model, cached, costMicros, degraded: responded.degraded }, "ai.responded");
  return responded;
};

async function answer(asked: Respond, ctx: HandlerContext): Promise<Responded> {
  const { sessionId, maxCostMicros, stream = false } = asked;
  const { conversations } = ctx.services.ai;
  const history =
    sessionId === undefined ? [] : await conversations.recent(ctx.tenant, sessionId, ctx.jobId, memoryMessages);
  const request = respondRequest(asked, remembered(history));
  const purchases = await Purchases.of(ctx, maxCostMicros);
  const { answer: paid, cached } = await boughtOrCached(
    cacheKey(ctx, respondPrompt, request),
    purchases,
    ctx,
    async () => {
      const draft = stream ? new DraftWriter(ctx) : null;
      try {
        const onDelta = draft ? (run: number, text: string) => draft.add(run, text) : undefined;
        return await purchases.answer({ step: "answer", request, ...spender(ctx.tenant, asked), onDelta });
      } finally {
        await draft?.close();
      }
    },
  );
  return {
    answer: paid.text,
    provider: paid.provider,
    model: paid.model,
    degraded: false,
    truncated: paid.finish === "length",
    cached,
    usage: cached ? null : paid.usage,
    costMicros: cached ? 0 : paid.costMicros,
  };
}

function degraded(text: string): Responded {
  return {
    answer: text,
    provider: "simple",
    model: "rules",
    degraded: true,
    truncated: false,
    cached: false,
    usage: null,
    costMicros: 0,
  };
}
