import type { Handler } from "#core/handler.ts";
import type { Reconciliation } from "#core/services.ts";
import type { Reconcile } from "./reconcile.job.ts";

export const handle: Handler<Reconcile, Reconciliation> = async (_payload, ctx) => {
  const found = await ctx.services.reconciler.reconcile(ctx.signal);
  const open = found.queues.reduce((sum, queue) => sum + queue.open, 0);
  ctx.log.info({ queues: found.queues.length, open }, "ledger.reconciled");
  return found;
};
