import type { JobState } from "../../src/client/client.ts";
import type { Random } from "./random.ts";
import { type ChaosKind, chaosQueues } from "./work/jobs.ts";

/** A job as the load asks for it. */
export interface Request {
  readonly job: string;
  readonly payload: unknown;
  /** How it may end. Anything else is worth a look, though nothing is lost. */
  readonly mayEnd: readonly JobState[];
  /** Not before so long from the request. */
  readonly delayMs: number;
  /** Not after so long from the request. */
  readonly expiresInMs: number | null;
  readonly cancelAfterMs: number | null;
}

/** Jobs that are asked for in one request. */
export interface Order {
  readonly form: "single" | "many" | "batch";
  /** A caller that sends it again, under an idempotency key, until it has an answer. The others do not come back. */
  readonly persistent: boolean;
  readonly requests: readonly Request[];
}

export function drawOrder(random: Random): Order {
  const form = random.chance(0.03) ? "many" : random.chance(0.02) ? "batch" : "single";
  const requests = Array.from({ length: form === "single" ? 1 : random.whole(5, 15) }, () => drawRequest(random));
  // Whoever asks again for a job that must begin soon may come too late.
  const persistent = random.chance(0.5) && requests.every(({ expiresInMs }) => expiresInMs === null);
  return { form, persistent, requests };
}

/** Mostly short ones with an effect, some slow, some that fail, some that are cancelled or expire. */
function drawRequest(random: Random): Request {
  const queue = random.pick(chaosQueues).name;
  const ask = (kind: ChaosKind, payload: unknown, more: Partial<Request> = {}): Request => ({
    ...{
      job: `${queue}.${kind}`,
      payload,
      mayEnd: ["completed"],
      delayMs: random.chance(0.1) ? random.whole(100, 3_000) : 0,
      expiresInMs: null,
      cancelAfterMs: null,
    },
    ...more,
  });
  const dice = random.next();
  if (dice < 0.27) return ask("effect-keyed", { runMs: random.whole(0, 400) });
  if (dice < 0.5) return ask("effect-plain", { runMs: random.whole(0, 400) });
  if (dice < 0.6) return ask("steps", { runMs: random.whole(0, 300), failures: random.whole(0, 2) });
  if (dice < 0.68) return ask("parent", { children: random.whole(1, 4), failures: random.whole(0, 1) });
  if (dice < 0.82) return ask("slow", { runMs: random.whole(500, 5_000), deaf: random.chance(0.3) }, drawEnd(random));
  const ending = random.chance(0.15) ? "die" : random.chance(0.15) ? "cancel" : "complete";
  const end = { complete: "completed", die: "dead", cancel: "cancelled" } as const;
  return ask("flaky", { failures: random.whole(0, 3), ending }, { mayEnd: [end[ending]] });
}

function drawEnd(random: Random): Partial<Request> {
  if (random.chance(0.1)) return { mayEnd: ["completed", "cancelled"], cancelAfterMs: random.whole(0, 2_000) };
  if (!random.chance(0.1)) return {};
  const delayMs = random.whole(500, 1_500);
  return { mayEnd: ["completed", "expired"], delayMs, expiresInMs: delayMs + random.whole(1, 300) };
}
