/** What the fake provider does with one call. */
export type Behaviour =
  /** A proper answer, after `delayMs`. */
  | { readonly kind: "ok"; readonly delayMs: number }
  /** Exactly this text as the answer, whatever was asked. */
  | { readonly kind: "say"; readonly text: string }
  /** 429, which names its time as the provider in question would. */
  | { readonly kind: "limited"; readonly as: "seconds" | "date" | "ms" | "unsaid"; readonly afterMs: number }
  /** 429 of an account without money: no time mends it. */
  | { readonly kind: "quota" }
  /** An error document with this status. */
  | { readonly kind: "error"; readonly status: number }
  /** 200 and half of the body, then a cut connection. Billed. */
  | { readonly kind: "reset" }
  /** The connection is cut before the first byte of an answer. Billed, as a provider would that had begun to work. */
  | { readonly kind: "drop" }
  /** 200 with a body that is no JSON. Billed. */
  | { readonly kind: "broken" }
  /** The model refuses. Billed. */
  | { readonly kind: "refusal" }
  /** The answer is cut at the token limit. Billed. */
  | { readonly kind: "length" }
  /** 404: the model is not there. */
  | { readonly kind: "unknown-model" }
  /** Answers as another model than was asked for. Billed. */
  | { readonly kind: "stale-model" }
  /** An answer whose usage is missing. Billed. */
  | { readonly kind: "no-usage" };

const plain = [
  "quota",
  "reset",
  "drop",
  "broken",
  "refusal",
  "length",
  "unknown-model",
  "stale-model",
  "no-usage",
] as const;

/**
 * Read a behaviour from text, as it stands in a base URL or a script: `ok`, `slow:2000` (ms), `429:5` (Retry-After in
 * seconds), `429-date:5` (as an HTTP date), `429-ms:250` (as `retry-after-ms`), `429` (no time said), `quota`, `500`, `503`,
 * `401`, `reset`, `drop`, `broken`, `refusal`, `length`, `unknown-model`, `stale-model`, `no-usage`. Throws a RangeError.
 */
export function parseBehaviour(text: string): Behaviour {
  const [name = "", argument] = text.split(":", 2);
  const amount = Number(argument ?? 0);
  if (!(amount >= 0)) throw new RangeError(`Expected a number after "${name}:", found "${argument}"`);
  const known = plain.find((kind) => kind === name);
  if (known) return { kind: known };
  if (name === "ok") return { kind: "ok", delayMs: 0 };
  if (name === "slow") return { kind: "ok", delayMs: amount };
  if (name === "429")
    return { kind: "limited", as: argument === undefined ? "unsaid" : "seconds", afterMs: amount * 1_000 };
  if (name === "429-date") return { kind: "limited", as: "date", afterMs: amount * 1_000 };
  if (name === "429-ms") return { kind: "limited", as: "ms", afterMs: amount };
  if (/^[45]\d\d$/.test(name)) return { kind: "error", status: Number(name) };
  throw new RangeError(`Expected a behaviour such as ok, slow:2000, 429:5, 500 or reset, found "${text}"`);
}

/** Whether a provider that does this would write a bill. */
export function isBilled({ kind }: Behaviour): boolean {
  return !["limited", "quota", "error", "unknown-model"].includes(kind);
}
