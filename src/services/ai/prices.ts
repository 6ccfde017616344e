import { readFileSync } from "node:fs";
import { z } from "zod";
import type { Price, PriceTable } from "#core/ai-models.ts";
import { priceList } from "./price-list.ts";

const micros = z.int().nonnegative();

const priceRow = z.strictObject({
  provider: z.string().min(1),
  model: z.string().min(1),
  validFrom: z.iso.date(),
  inputMicros: micros,
  cachedInputMicros: micros,
  outputMicros: micros,
  requestMicros: micros.default(0),
  source: z.string().min(1),
  reviewedOn: z.iso.date(),
}) satisfies z.ZodType<Price>;

/** Of a model's name: what names a snapshot by its day, `-2025-04-14` or `-20250414`. */
const snapshotPattern = /-\d{4}-?\d{2}-?\d{2}$/;

/** Prices by provider, model and day. */
export class DatedPrices implements PriceTable {
  readonly #byModel = new Map<string, Price[]>();

  constructor(prices: readonly Price[] = priceList) {
    for (const price of prices) {
      const key = `${price.provider} ${price.model}`;
      this.#byModel.set(key, [...(this.#byModel.get(key) ?? []), price]);
    }
    for (const rows of this.#byModel.values()) rows.sort((a, b) => b.validFrom.localeCompare(a.validFrom));
  }

  find(provider: string, model: string, at: Date): Price | null {
    const day = at.toISOString().slice(0, 10);
    const of = (name: string) => this.#byModel.get(`${provider} ${name}`)?.find(({ validFrom }) => validFrom <= day);
    return of(model) ?? of(model.replace(snapshotPattern, "")) ?? null;
  }
}

/** The list of this release and the rows of a file, which win from their day on. Throws an Error that names the problems. */
export function readPrices(file: string | undefined): readonly Price[] {
  if (file === undefined) return priceList;
  const rows = z.array(priceRow).safeParse(JSON.parse(readFileSync(file, "utf8")));
  if (rows.data) return [...rows.data, ...priceList];
  throw new RangeError(`Expected AI_PRICES_FILE to hold an array of prices:\n${z.prettifyError(rows.error!)}`);
}
