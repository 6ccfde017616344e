import type { Price } from "#core/ai-models.ts";

const perMillion = (dollars: number): number => Math.round(dollars * 1_000_000);

/**
 * What models cost. A change of price is a new row with its day, never an edit: calls are priced by the day they are made.
 * Hugging Face's router has no row, because the price depends on the host it routes to: name yours in AI_PRICES_FILE.
 */
export const priceList: readonly Price[] = [
  {
    provider: "openai",
    model: "gpt-4.1-mini",
    validFrom: "2025-04-14",
    inputMicros: perMillion(0.4),
    cachedInputMicros: perMillion(0.1),
    outputMicros: perMillion(1.6),
    requestMicros: 0,
    source: "OpenAI's price list for the API",
    reviewedOn: "2026-11-20",
  },
  {
    provider: "openai",
    model: "gpt-4o-mini",
    validFrom: "2024-10-01",
    inputMicros: perMillion(0.15),
    cachedInputMicros: perMillion(0.075),
    outputMicros: perMillion(0.6),
    requestMicros: 0,
    source: "OpenAI's price list for the API",
    reviewedOn: "2026-11-20",
  },
  {
    provider: "openai",
    model: "gpt-5-mini",
    validFrom: "2025-08-07",
    inputMicros: perMillion(0.25),
    cachedInputMicros: perMillion(0.025),
    outputMicros: perMillion(2),
    requestMicros: 0,
    source: "OpenAI's price list for the API",
    reviewedOn: "2026-11-20",
  },
  {
    provider: "perplexity",
    model: "perplexity/sonar",
    validFrom: "2026-09-27",
    inputMicros: perMillion(0.25),
    cachedInputMicros: perMillion(0.0625),
    outputMicros: perMillion(2.5),
    requestMicros: 0, // no tools are asked for; a web search would be 5,000 each
    source: "Perplexity's price list for the Agent API",
    reviewedOn: "2026-11-20",
  },
];
