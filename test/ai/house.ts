import type { FakeProvider } from "../../scripts/fake-provider/server.ts";
import type { Price } from "../../src/core/ai-models.ts";
import type { AiSettings, ProviderSettings } from "../../src/services/ai/ai-services.ts";

/** The fake's price, as `AI_PRICES_FILE` would say it; for every provider of the chain. */
export const testPrices: readonly Price[] = ["openai", "perplexity", "huggingface"].map((provider) => ({
  provider,
  model: "test-model",
  validFrom: "2020-01-01",
  inputMicros: 400_000,
  cachedInputMicros: 100_000,
  outputMicros: 1_600_000,
  requestMicros: 0,
  source: "the fake provider",
  reviewedOn: "2026-11-20",
}));

/** A provider of the chain that is a mount of the fake one. */
export function mounted(fake: FakeProvider, mount: string, over: Partial<ProviderSettings> = {}): ProviderSettings {
  return {
    name: "openai",
    model: "test-model",
    dialect: "chat",
    baseUrl: fake.url(mount),
    apiKey: "a-key",
    limits: { requests: 100_000, tokens: 1_000_000_000 },
    ...over,
  };
}

/** What a test's Nightshift is set to: providers of the fake, no limit on spending unless one is given. */
export function settings(providers: readonly ProviderSettings[], over: Partial<AiSettings> = {}): AiSettings {
  return { providers, dailyMicros: null, prices: testPrices, ...over };
}
