import assert from "node:assert/strict";
import { test } from "vitest";
import { simpleAnswer } from "../../jobs/ai/simple.ts";
import { costBound, costOf, tokenBound } from "../../jobs/ai/tokens.ts";
import { tokensOf } from "../../scripts/fake-provider/request.ts";
import { priceList } from "../../src/services/ai/price-list.ts";
import { DatedPrices } from "../../src/services/ai/prices.ts";
import { ratesOf, retryAfterOf } from "../../src/services/ai/rate-headers.ts";

const context =
  "GSTR-1 is filed by the 11th. GSTR-3B is filed by the 20th! TDS is deposited by the 7th.\nForm 16 goes to employees in June.";

test.each([
  ["When is GSTR-3B due?", "GSTR-3B is filed by the 20th!"],
  ["When must TDS deposits be made?", "TDS is deposited by the 7th."],
  ["What do employees get?", "Form 16 goes to employees in June."],
  ["Which forms for an employee?", "Form 16 goes to employees in June."],
  ["What is the weather?", null],
  ["", null],
])("the rules answer %o with the context's own words", (message, answer) => {
  assert.equal(simpleAnswer(message, context), answer);
});

test("the rules read scripts beyond Latin, and have nothing to say without a context", () => {
  assert.equal(
    simpleAnswer("जीएसटी कब भरना है?", "टीडीएस सात तारीख को है। जीएसटी ग्यारह तारीख को भरना है।"),
    "जीएसटी ग्यारह तारीख को भरना है।",
  );
  assert.equal(simpleAnswer("When is GSTR-1 due?", ""), null);
});

test("no text has more tokens than the bound: a byte each and what the format adds", () => {
  for (const content of ["", "hello", "नमस्ते", "🙂🙂", "\u0000".repeat(50)]) {
    const messages = [{ role: "user" as const, content }];
    assert.ok(tokenBound(messages) >= Buffer.byteLength(content) + 8);
    assert.ok(tokenBound(messages) > tokensOf(content) + 4);
  }
  assert.ok(tokenBound([], { a: "schema" }) >= JSON.stringify({ a: "schema" }).length);
});

test("cached tokens cost their own price, and a bound is never below what a call within it costs", () => {
  const [price] = priceList;
  const usage = { inputTokens: 1_000_000, cachedInputTokens: 400_000, outputTokens: 10, reasoningTokens: 4 };
  assert.equal(costOf(price!, usage), 240_000 + 40_000 + 16);
  assert.equal(costOf(price!, { ...usage, inputTokens: 1, cachedInputTokens: 0, outputTokens: 0 }), 1, "rounded up");
  for (const one of priceList) assert.ok(costBound(one, 1_000_000, 10) >= costOf(one, usage));
});

test("a price holds from its day on, for snapshots of its model too, and what is not in the list has none", () => {
  const row = { ...priceList[0]!, provider: "p", model: "m" };
  const prices = new DatedPrices([
    { ...row, validFrom: "2026-01-01", inputMicros: 1 },
    { ...row, validFrom: "2026-07-01", inputMicros: 2 },
  ]);
  const at = (day: string, model = "m") => prices.find("p", model, new Date(`${day}T12:00:00Z`))?.inputMicros;
  assert.deepEqual([at("2025-12-31"), at("2026-06-30"), at("2026-07-01")], [undefined, 1, 2]);
  assert.deepEqual([at("2026-08-01", "m-2026-05-05"), at("2026-08-01", "m-20260505")], [2, 2]);
  assert.deepEqual([at("2026-08-01", "m-large"), prices.find("q", "m", new Date())], [undefined, null]);
});

test.each([
  [{ "retry-after": "90" }, 90_000],
  [{ "retry-after": "0.5" }, 500],
  [{ "retry-after-ms": "1500", "retry-after": "2" }, 1_500],
  [{ "retry-after": "Fri, 20 Nov 2026 10:01:40 GMT" }, 100_000],
  [{ "retry-after": "Fri, 20 Nov 2026 09:00:00 GMT" }, 0],
  [{ "retry-after": "soon" }, null],
  [{}, null],
])("Retry-After %o is read as %o ms", (headers, expected) => {
  assert.equal(
    retryAfterOf(new Headers(headers as Record<string, string>), Date.parse("2026-11-20T10:00:00Z")),
    expected,
  );
});

test("limits are read from the headers, and what is not a count is not there", () => {
  const headers = new Headers({ "x-ratelimit-limit-requests": "60", "x-ratelimit-remaining-tokens": "many" });
  assert.deepEqual(ratesOf(headers), { limitRequests: 60 });
  assert.deepEqual(ratesOf(undefined), {});
});
