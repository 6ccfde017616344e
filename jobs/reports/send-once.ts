import { NotSent, type Taken } from "#core/channel.ts";
import { PermanentError } from "#core/errors.ts";
import type { HandlerContext } from "#core/handler.ts";

/**
 * How a sending ended. `sent`: the other side has taken it. `not_sent`: it certainly has not, and may later. `refused`: it
 * will not. `unknown`: it may have: the answer was lost, or the sender was.
 */
export interface SendingEnd {
  readonly state: "sent" | "not_sent" | "refused" | "unknown";
  /** Why, when it was not sent. */
  readonly code?: string;
  /** What it is known by outside. */
  readonly reference?: string;
}

/**
 * Send something at most once over all attempts of a job. That a sending begins is in the job's steps before it does, and how it
 * ended afterwards, so an attempt that finds a beginning of an earlier one without an end knows that nobody knows: on a
 * channel that makes two messages one (`repeatable`) it sends again, elsewhere it does not, ever.
 */
export async function sendOnce(
  name: string,
  send: () => Promise<Taken>,
  { repeatable, ctx }: { readonly repeatable: boolean; readonly ctx: HandlerContext },
): Promise<SendingEnd> {
  for (let round = 1; ; round += 1) {
    const begunBy = await ctx.step(`${name} ${round} begun`, () => ctx.attempt);
    const isMine = begunBy === ctx.attempt;
    const end = await ctx.step(`${name} ${round} ended`, () =>
      isMine ? endOf(send, repeatable) : lost("sender_vanished", repeatable),
    );
    if (isMine || end.state === "sent" || end.state === "unknown") return end;
  }
}

async function endOf(send: () => Promise<Taken>, repeatable: boolean): Promise<SendingEnd> {
  try {
    return { state: "sent", reference: (await send()).reference };
  } catch (error) {
    if (error instanceof NotSent) return { state: "not_sent", code: error.code };
    if (error instanceof PermanentError) return { state: "refused", code: error.code };
    return lost("answer_lost", repeatable);
  }
}

function lost(code: string, repeatable: boolean): SendingEnd {
  return { state: repeatable ? "not_sent" : "unknown", code };
}
