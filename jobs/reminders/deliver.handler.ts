import { setTimeout as pause } from "node:timers/promises";
import { type Channel, ChannelNotConfigured, NotSent, Undeliverable } from "#core/channel.ts";
import { seconds } from "#core/duration.ts";
import { type NightshiftError, PermanentError } from "#core/errors.ts";
import type { Handler, HandlerContext } from "#core/handler.ts";
import type { ClaimedMessage } from "#core/outbox.ts";
import { CancelJob, RetryAfter, SnoozeJob } from "#core/outcome.ts";
import { type Deliver, type Delivered, deliver } from "./deliver.job.ts";
import { noticeOf } from "./notice.ts";

export const handle: Handler<Deliver, Delivered> = async ({ deliveryId }, ctx) => {
  const { outbox, channels } = ctx.services;
  const claim = await outbox.claim(ctx.tenant, deliveryId, repeatableOf(channels));
  switch (claim.kind) {
    case "missing":
      throw new CancelJob("delivery_not_found", { deliveryId });
    case "wait":
      throw new SnoozeJob("page_in_flight", seconds(5));
    case "over":
      return { state: claim.state as Delivered["state"] };
    case "unknown":
      ctx.log.error({ deliveryId }, "delivery.unknown");
      return { state: "unknown" };
    default:
      return send(claim.message, ctx);
  }
};

/** Channels on which a message that may have been sent is sent again. */
export function repeatableOf(channels: Readonly<Record<string, Channel>>): string[] {
  return Object.keys(channels).filter((name) => channels[name]!.repeatable);
}

async function send(message: ClaimedMessage, ctx: HandlerContext): Promise<Delivered> {
  const { outbox, channels } = ctx.services;
  const { id: deliveryId, channel, stage } = message;
  let reference: string;
  try {
    const way = channels[channel];
    if (!way) throw new ChannelNotConfigured(channel, "a channel of this name");
    ({ reference } = await way.send(noticeOf(message), { signal: ctx.signal }));
  } catch (error) {
    return failed(message, error, ctx);
  }
  await held(() => outbox.sent(message, reference), ctx.signal);
  ctx.log.info({ deliveryId, channel, stage }, "delivery.sent");
  return { state: "sent" };
}

/** The message is out: while Postgres is away, hold on to that as long as we may, or it would count as unknown. */
async function held(write: () => Promise<void>, signal: AbortSignal): Promise<void> {
  for (;;) {
    try {
      return await write();
    } catch (error) {
      if (signal.aborted) throw error;
      await pause(seconds(1), undefined, { signal }).catch(() => undefined);
    }
  }
}

/** Write down what is known of a sending that failed, then let the job go on as its outcome says. */
async function failed(message: ClaimedMessage, error: unknown, ctx: HandlerContext): Promise<Delivered> {
  const { outbox } = ctx.services;
  const { id: deliveryId, channel } = message;
  if (error instanceof RetryAfter) {
    await outbox.postponed(message, error.delayMs);
    throw error;
  }
  if (error instanceof NotSent && ctx.signal.aborted) {
    await outbox.postponed(message, 0); // the attempt was interrupted before anything was said
    throw error;
  }
  if (error instanceof NotSent || error instanceof PermanentError) {
    const { code, permanent: final } = error as NightshiftError;
    const state = await outbox.notSent(message, { code, final, maxTries: deliver.retry.attempts });
    if (state === "failed" && !final) throw new Undeliverable(channel, "every attempt failed");
    throw error;
  }
  if (ctx.services.channels[channel]?.repeatable) {
    await outbox.notSent(message, { code: "answer_lost", final: false, maxTries: deliver.retry.attempts });
    throw error;
  }
  await outbox.lost(message, "answer_lost");
  ctx.log.error({ deliveryId, channel }, "delivery.unknown");
  return { state: "unknown" };
}
