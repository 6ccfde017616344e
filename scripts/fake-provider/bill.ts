import { createHash } from "node:crypto";

/** One call that was charged for. */
export interface BillLine {
  /** What the caller named its request (`X-Client-Request-Id`), or null. */
  readonly callId: string | null;
  readonly mount: string;
  readonly model: string;
  readonly inputTokens: number;
  readonly outputTokens: number;
  /** Millionths of a dollar, rounded up. */
  readonly micros: number;
  readonly at: string;
}

export interface BillTotals {
  readonly calls: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly micros: number;
  /** Lines whose request had been charged for before, byte for byte: what a careless retry costs. */
  readonly duplicates: number;
}

/** What the fake provider charges for, line by line, so that a test can compare it with what the caller recorded. */
export class Bill {
  readonly #lines: BillLine[] = [];
  readonly #price: { readonly inputMicros: number; readonly outputMicros: number };
  readonly #seen = new Set<string>();
  #duplicates = 0;

  /** `price`: micros per million tokens. */
  constructor(price: { readonly inputMicros: number; readonly outputMicros: number }) {
    this.#price = price;
  }

  get lines(): readonly BillLine[] {
    return this.#lines;
  }

  charge(line: Omit<BillLine, "micros" | "at">, body: string): void {
    const { inputMicros, outputMicros } = this.#price;
    const micros = Math.ceil((line.inputTokens * inputMicros + line.outputTokens * outputMicros) / 1_000_000);
    this.#lines.push({ ...line, micros, at: new Date().toISOString() });
    const hash = createHash("sha256").update(body).digest("base64");
    if (this.#seen.has(hash)) this.#duplicates += 1;
    this.#seen.add(hash);
  }

  totals(): BillTotals {
    const sum = (of: "inputTokens" | "outputTokens" | "micros") =>
      this.#lines.reduce((total, line) => total + line[of], 0);
    return {
      calls: this.#lines.length,
      inputTokens: sum("inputTokens"),
      outputTokens: sum("outputTokens"),
      micros: sum("micros"),
      duplicates: this.#duplicates,
    };
  }

  clear(): void {
    this.#lines.length = 0;
    this.#seen.clear();
    this.#duplicates = 0;
  }
}
