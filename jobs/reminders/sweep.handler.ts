import type { Handler } from "#core/handler.ts";
import type { Swept } from "#core/outbox.ts";
import { repeatableOf } from "./deliver.handler.ts";
import { deliver } from "./deliver.job.ts";
import type { Sweep } from "./sweep.job.ts";

export const handle: Handler<Sweep, Swept> = async (_payload, ctx) => {
  const { outbox, channels } = ctx.services;
  const swept = await outbox.sweep(deliver, { signal: ctx.signal, repeatable: repeatableOf(channels) });
  ctx.log.info({ ...swept }, "reminders.swept");
  return swept;
};
