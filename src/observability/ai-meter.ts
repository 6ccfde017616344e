import { Counter, Histogram, type Registry } from "prom-client";
import type { AiMeter } from "#core/meters.ts";
import { durationBuckets } from "./buckets.ts";
import type { TenantLabels } from "./tenant-labels.ts";

/** Calls to model providers, and what kept others from being made. Nothing of what was asked, by whom, or answered. */
export class PrometheusAiMeter implements AiMeter {
  readonly #tenants: TenantLabels;
  readonly #calls: Counter<"provider" | "model" | "outcome" | "tenant">;
  readonly #duration: Histogram<"provider" | "model">;
  readonly #tokens: Counter<"provider" | "model" | "kind" | "tenant">;
  readonly #cost: Counter<"provider" | "model" | "outcome" | "tenant">;
  readonly #looks: Counter<"outcome" | "tenant">;
  readonly #degraded: Counter<"tenant">;
  readonly #opens: Counter<"provider">;
  readonly #waits: Counter<"provider" | "kind">;
  readonly #refusals: Counter<"scope" | "period" | "tenant">;

  constructor(registry: Registry, tenants: TenantLabels) {
    this.#tenants = tenants;
    const counter = <Label extends string>(name: string, help: string, ...labelNames: Label[]) =>
      new Counter<Label>({ name: `nightshift_ai_${name}_total`, help, labelNames, registers: [registry] });
    this.#calls = counter(
      "calls",
      "Calls that ended on record: answered, failed (free of charge), unknown (may be charged for).",
      ...(["provider", "model", "outcome", "tenant"] as const),
    );
    this.#duration = new Histogram({
      name: "nightshift_ai_call_seconds",
      help: "From the request to the last byte of the answer, or to the failure.",
      labelNames: ["provider", "model"],
      buckets: durationBuckets,
      registers: [registry],
    });
    this.#tokens = counter(
      "tokens",
      "Tokens of answered calls as the provider counted: input, cached_input, output, reasoning; none is in two kinds.",
      ...(["provider", "model", "kind", "tenant"] as const),
    );
    this.#cost = counter(
      "cost_micros",
      "Millionths of a dollar: of answered calls their cost, of unknown ones the estimate that counts as spent.",
      ...(["provider", "model", "outcome", "tenant"] as const),
    );
    this.#looks = counter(
      "cache_looks",
      "Looks into the cache: hit, lead (this job asks), wait (another job is asking the same).",
      ...(["outcome", "tenant"] as const),
    );
    this.#degraded = counter("degraded", "Answers by the rules, because no provider could be reached.", "tenant");
    this.#opens = counter("breaker_opens", "How often a provider's breaker opened.", "provider");
    this.#waits = counter(
      "limit_waits",
      "Calls that a limit held back: brief, queued, passed-over, provider (its 429).",
      ...(["provider", "kind"] as const),
    );
    this.#refusals = counter(
      "budget_refusals",
      "Refusals because a hard budget was used up, by whose.",
      ...(["scope", "period", "tenant"] as const),
    );
  }

  call(call: Parameters<AiMeter["call"]>[0]): void {
    const { provider, model, outcome, usage, costMicros, durationMs } = call;
    const tenant = this.#tenants.of(call.tenant);
    this.#calls.inc({ provider, model, outcome, tenant });
    if (durationMs > 0) this.#duration.observe({ provider, model }, durationMs / 1_000); // 0: of a vanished worker
    if (costMicros > 0) this.#cost.inc({ provider, model, outcome, tenant }, costMicros);
    if (!usage) return;
    const { inputTokens, cachedInputTokens, outputTokens, reasoningTokens } = usage;
    const kinds = {
      input: inputTokens - cachedInputTokens,
      cached_input: cachedInputTokens,
      output: outputTokens - reasoningTokens,
      reasoning: reasoningTokens,
    };
    for (const [kind, tokens] of Object.entries(kinds))
      if (tokens > 0) this.#tokens.inc({ provider, model, kind, tenant }, tokens);
  }

  cacheLook({ tenant, outcome }: Parameters<AiMeter["cacheLook"]>[0]): void {
    this.#looks.inc({ outcome, tenant: this.#tenants.of(tenant) });
  }

  degraded({ tenant }: Parameters<AiMeter["degraded"]>[0]): void {
    this.#degraded.inc({ tenant: this.#tenants.of(tenant) });
  }

  breaker({ provider, change }: Parameters<AiMeter["breaker"]>[0]): void {
    if (change === "opened") this.#opens.inc({ provider });
  }

  limitWait({ provider, kind }: Parameters<AiMeter["limitWait"]>[0]): void {
    this.#waits.inc({ provider, kind });
  }

  budgetRefusal({ tenant, scope, period }: Parameters<AiMeter["budgetRefusal"]>[0]): void {
    this.#refusals.inc({ scope, period, tenant: this.#tenants.of(tenant) });
  }
}
