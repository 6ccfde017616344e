import type { PaidAnswer } from "#core/ai-calls.ts";
import type { Handler } from "#core/handler.ts";
import { boughtOrCached, cacheKey, Purchases } from "./buy-once.ts";
import { AiOutputInvalid } from "./errors.ts";
import type { Extract, Extracted } from "./extract.job.ts";
import { extractPrompt, extractRequest, repairRequest } from "./prompts.ts";
import { type SchemaName, schemas } from "./schemas.ts";
import { spender } from "./spender.ts";

export const handle: Handler<Extract, Extracted> = async (asked, ctx) => {
  const { text, schema, maxCostMicros } = asked;
  const request = extractRequest(text, schema);
  const who = spender(ctx.tenant, asked);
  let repaired = false;
  const purchases = await Purchases.of(ctx, maxCostMicros);
  const { answer, cached } = await boughtOrCached(cacheKey(ctx, extractPrompt, request), purchases, ctx, async () => {
    const first = await purchases.answer({ step: "answer", request, ...who });
    const wrong = problemsOf(schema, first);
    if (wrong.length === 0) return first;

    repaired = true;
    const told = wrong.map(({ path, message }) => `${path || "the whole"}: ${message}`);
    const again = repairRequest(request, first, told);
    const second = await purchases.answer({ step: "repair", request: again, ...who });
    const stillWrong = problemsOf(schema, second);
    if (stillWrong.length > 0) throw new AiOutputInvalid(schema, stillWrong);
    return { ...second, costMicros: first.costMicros + second.costMicros };
  });
  const { provider, model, usage, costMicros } = answer;
  ctx.log.info({ schema, provider, model, cached, repaired, costMicros }, "ai.extracted");
  return {
    schema,
    data: schemas[schema].parse(JSON.parse(answer.text)),
    provider,
    model,
    repaired,
    cached,
    usage: cached ? null : usage,
    costMicros: cached ? 0 : costMicros,
  };
};

/** What keeps an answer from meeting its schema. */
function problemsOf(name: SchemaName, { text, finish }: PaidAnswer): { path: string; code: string; message: string }[] {
  if (finish === "length") return [{ path: "", code: "cut_off", message: "it was cut off" }];
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return [{ path: "", code: "malformed_json", message: "it is no JSON" }];
  }
  const { error } = schemas[name].safeParse(value);
  return error?.issues.map(({ path, code, message }) => ({ path: path.join("."), code, message })) ?? [];
}
