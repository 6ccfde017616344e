import type { Handler } from "#core/handler.ts";
import type { Pruned } from "#core/services.ts";
import type { Prune } from "./prune.job.ts";

export const handle: Handler<Prune, Pruned> = async (_payload, ctx) => {
  const pruned = await ctx.services.retention.prune(ctx.signal);
  ctx.log.info(pruned, "retention.pruned");
  return pruned;
};
