import type { AiProvider, RateReport } from "./ai-models.ts";

/** Leave to make one call, or when to ask again. */
export type Entry =
  | { readonly kind: "go"; readonly permit: Permit }
  /** The shared limit is used up, or the provider named a time. */
  | { readonly kind: "limited"; readonly waitMs: number }
  /** The breaker is open: the provider failed several times in a row. */
  | { readonly kind: "open"; readonly waitMs: number };

export interface Permit {
  /** The stretch of time the call is counted in. */
  readonly bucket: string;
  readonly tokens: number;
  /** Set when this call is the one that finds out whether the provider is back. */
  readonly probe: string | null;
}

/** What all workers together may ask of a provider, and whether it is worth asking. */
export interface ProviderGate {
  /**
   * Ask for leave to make a call of about so many tokens. A caller who is told to wait and means to come back says
   * `queue`: each gets a time of its own, so that they do not all come at once.
   */
  enter(provider: AiProvider, tokens: number, options?: { readonly queue?: boolean }): Promise<Entry>;
  /**
   * What came of the call. `holdMs`: nobody may call before that. `neutral`: it says nothing about the provider; `unused`: it
   * was not made.
   */
  leave(
    provider: AiProvider,
    permit: Permit,
    outcome: {
      readonly kind: "answered" | "failed" | "neutral" | "unused";
      readonly tokens?: number | undefined;
      readonly rates?: RateReport;
      readonly holdMs?: number | undefined;
    },
  ): Promise<void>;
}
