import { randomBytes } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { BillLine, BillTotals } from "../../fake-provider/bill.ts";
import { FakeProvider } from "../../fake-provider/server.ts";

const model = "demo-model";
/** Micros per million tokens: what the rig charges, and what Nightshift is told that it does. */
const price = { inputMicros: 400_000, outputMicros: 1_600_000 } as const;

/** Each provider of the chain, and the part of the rig that plays it. */
const mounts = { openai: "503", perplexity: "second", huggingface: "third" } as const;
export type Provider = keyof typeof mounts;

/**
 * The chain of providers, played by `scripts/fake-provider`: the first one is down for the whole run, the second limits, the
 * third is there when both are not. Nobody real is asked, whatever keys the environment holds.
 */
export class ProviderRig {
  readonly #fake = new FakeProvider({ price });
  #settings: Readonly<Record<string, string>> = {};

  /** `dir`: where the list of prices goes. */
  async start(dir: string): Promise<void> {
    await this.#fake.start();
    const pricesFile = join(dir, "ai-prices.json");
    await writeFile(pricesFile, JSON.stringify(priceRows()));
    const chain = Object.entries(mounts).flatMap(([provider, mount]) => {
      const name = provider.toUpperCase();
      return [
        // A key of this run alone: the limits that Redis remembers of a provider are those of its key.
        [`${name}_API_KEY`, randomBytes(12).toString("hex")],
        [`${name}_BASE_URL`, this.#fake.url(mount)],
        [`${name}_MODEL`, model],
      ];
    });
    this.#settings = { ...Object.fromEntries(chain), AI_PRICES_FILE: pricesFile };
  }

  /** For the environment of the processes. */
  get settings(): Readonly<Record<string, string>> {
    return this.#settings;
  }

  /** What the next calls to a provider get, one each, as in a base URL of the fake provider: `429:1`, `503`. */
  script(provider: Provider, ...behaviours: readonly string[]): void {
    this.#fake.script(mounts[provider], behaviours);
  }

  /** What the providers have charged for. */
  get bill(): BillTotals & { readonly lines: readonly BillLine[] } {
    return { ...this.#fake.bill.totals(), lines: this.#fake.bill.lines };
  }

  async stop(): Promise<void> {
    await this.#fake.stop();
  }
}

function priceRows() {
  return Object.keys(mounts).map((provider) => ({
    ...{ provider, model, validFrom: "2020-01-01", ...price, cachedInputMicros: price.inputMicros },
    ...{ source: "the price list of the demo's rig", reviewedOn: "2026-11-20" },
  }));
}
