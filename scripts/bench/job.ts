import { randomUUID } from "node:crypto";
import { hours, seconds } from "#core/duration.ts";

/** What is enqueued, by whatever way: the same payload, attempts, backoff and retention on all sides. */

export const attempts = 3;
export const retryDelayMs = seconds(1);
export const keepCompletedMs = hours(1);

export interface BenchPayload {
  readonly obligationId: string;
  readonly organisationId: string;
  readonly documentId: string;
  readonly requestedBy: string;
  readonly dueOn: string;
}

/** Ids and a date, about 230 bytes of JSON; each one different, as in life. */
export function benchPayload(): BenchPayload {
  return {
    obligationId: randomUUID(),
    organisationId: "0193a1de-7a53-7cc1-9d6e-2f1f3a5b7c90",
    documentId: randomUUID(),
    requestedBy: "0193a1de-7a53-7cc1-9d6e-2f1f3a5b7c91",
    dueOn: "2026-11-05",
  };
}

/** Call `one` `count` times with at most `inFlight` at once; answers calls per second. */
export async function perSecond(count: number, inFlight: number, one: () => Promise<unknown>): Promise<number> {
  let left = count;
  const lane = async () => {
    while (left > 0) {
      left -= 1;
      await one();
    }
  };
  const began = performance.now();
  await Promise.all(Array.from({ length: inFlight }, lane));
  return count / ((performance.now() - began) / 1_000);
}
