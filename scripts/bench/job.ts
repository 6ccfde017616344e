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

/** What each of many pieces of work took. */
export interface Cost {
  /** How many were done in a second. */
  readonly perSecond: number;
  /** Processor time of this process for one, in µs. Of the two the one that other programs on the machine disturb less. */
  readonly cpuMicros: number;
}

/** A sample ends after this long, done or not: its rates then rest on fewer, and a slow machine gets a table all the same. */
export const longestSampleMs = seconds(25);

/** Call `one` `count` times with at most `inFlight` at once. */
export async function costOf(count: number, inFlight: number, one: () => Promise<unknown>): Promise<Cost> {
  const until = performance.now() + longestSampleMs;
  let begun = 0;
  const lane = async () => {
    while (begun < count && performance.now() < until) {
      begun += 1;
      await one();
    }
  };
  const end = meter();
  await Promise.all(Array.from({ length: inFlight }, lane));
  return end(begun);
}

/** Begins now; call the answer with how many pieces of work were done since. */
export function meter(): (count: number) => Cost {
  const began = performance.now();
  const before = process.cpuUsage();
  return (count) => {
    const { user, system } = process.cpuUsage(before);
    return { perSecond: count / ((performance.now() - began) / 1_000), cpuMicros: (user + system) / count };
  };
}
