import assert from "node:assert/strict";
import { test } from "vitest";
import { FakeProvider } from "../../scripts/fake-provider/server.ts";
import { catalog } from "../../src/catalog.ts";
import { defineJob } from "../../src/core/job.ts";
import { noRetry } from "../../src/core/retry.ts";
import type { JobView } from "../../src/ledger/job-reader.ts";
import { FamilyMeters } from "../../src/observability/family-meters.ts";
import { Metrics } from "../../src/observability/metrics.ts";
import type { AiSettings } from "../../src/services/ai/ai-services.ts";
import { mounted, settings } from "../ai/house.ts";
import { type Rig, startRig, tenant } from "../rig/rig.ts";
import { sample } from "./page.ts";

const respond = defineJob({ ...catalog.get("ai.respond"), retry: noRetry });
const question = { message: "When is GSTR-1 due?", context: "GSTR-1 is due by the 11th of the next month." };

/** A rig with its counts. */
interface Counting extends AsyncDisposable {
  readonly rig: Rig;
  ask(payload?: unknown): Promise<JobView>;
  /** The page as it is now. Another one each time, because what a gauge saw is kept for 5 s. */
  page(): Promise<string>;
}

async function startAi(ai: AiSettings): Promise<Counting> {
  const families = new FamilyMeters();
  const rig = await startRig({ jobs: [respond], ai, meters: families });
  await rig.work();
  const { runtime } = rig;
  const gauges = () => new Metrics({ log: runtime.log, sources: { breakers: () => runtime.aiBreakers() } });
  return {
    rig,
    ask: async (payload = question) => rig.settled((await runtime.producer.enqueue(tenant, respond, payload)).id),
    page: async () => `${await gauges().text()}${await families.registry.metrics()}`,
    [Symbol.asyncDispose]: () => rig[Symbol.asyncDispose](),
  };
}

async function fake(): Promise<FakeProvider> {
  const provider = new FakeProvider();
  await provider.start();
  return provider;
}

test("calls are counted by provider, model and outcome, with the tokens and the cost that are on the bill", async () => {
  await using provider = await fake();
  const chain = [mounted(provider, "503"), mounted(provider, "second", { name: "perplexity" })];
  await using counting = await startAi(settings(chain));
  await counting.ask({ message: "What of Zanzibar-7731?", userId: "ann" });
  const text = await counting.page();
  const [line] = provider.bill.lines;
  const of = (name: string, outcome: string) => ({ provider: name, model: "test-model", outcome, tenant });
  assert.equal(sample(text, "nightshift_ai_calls_total", of("openai", "failed")), 1);
  assert.equal(sample(text, "nightshift_ai_calls_total", of("perplexity", "answered")), 1);
  assert.equal(sample(text, "nightshift_ai_cost_micros_total", of("perplexity", "answered")), line!.micros);
  assert.equal(sample(text, "nightshift_ai_cost_micros_total", { provider: "openai" }), undefined, "free of charge");
  const tokens = (kind: string) => sample(text, "nightshift_ai_tokens_total", { provider: "perplexity", kind }) ?? 0;
  assert.equal(tokens("input") + tokens("cached_input"), line!.inputTokens);
  assert.equal(tokens("output") + tokens("reasoning"), line!.outputTokens);
  assert.equal(sample(text, "nightshift_ai_call_seconds_count", { provider: "perplexity" }), 1);
  assert.doesNotMatch(text, /Zanzibar|"ann"/);
});

test("a call that may be charged for counts with its estimate, as unknown", async () => {
  await using provider = await fake();
  await using counting = await startAi(settings([mounted(provider, "reset")]));
  await counting.ask();
  const [call] = await counting.rig.runtime.services.ai.calls.list({ tenant, limit: 1 });
  const text = await counting.page();
  assert.equal(sample(text, "nightshift_ai_calls_total", { outcome: "unknown" }), 1);
  assert.equal(sample(text, "nightshift_ai_cost_micros_total", { outcome: "unknown" }), call!.estimateMicros);
});

test("a call whose worker died is counted by whoever gives it up, once", async () => {
  await using provider = await fake();
  await using counting = await startAi(settings([mounted(provider, "ok")]));
  const { id } = await counting.ask();
  const { database, services } = counting.rig.runtime;
  await database.executeSql(
    `update ${counting.rig.schema}.ai_calls set state = 'sent', started_at = now() - interval '1 hour',
       charges = '[]' where job_id = $1`,
    [id],
  );
  const { calls } = services.ai;
  assert.deepEqual([await calls.giveUpLost(tenant), await calls.giveUpLost(tenant)], [1, 0]);
  assert.equal(sample(await counting.page(), "nightshift_ai_calls_total", { outcome: "unknown" }), 1);
});

test("looks into the cache are counted: who asks first leads, who asks again hits", async () => {
  await using provider = await fake();
  await using counting = await startAi(settings([mounted(provider, "ok")]));
  for (let times = 0; times < 3; times += 1) await counting.ask();
  const text = await counting.page();
  const looks = (outcome: string) => sample(text, "nightshift_ai_cache_looks_total", { outcome, tenant });
  assert.deepEqual([looks("lead"), looks("hit"), looks("wait")], [1, 2, undefined]);
});

test("a breaker that opens is counted, and shown until a probe was answered; answers by the rules are counted", async () => {
  await using provider = await fake();
  provider.script("shaky", ["500", "500"]);
  const breaker = { failures: 2, firstMs: 1, maxMs: 1 };
  await using counting = await startAi(settings([mounted(provider, "shaky")], { breaker }));
  const isOpen = (text: string) => sample(text, "nightshift_ai_breaker_open", { provider: "openai" });
  const opens = (text: string) => sample(text, "nightshift_ai_breaker_opens_total", { provider: "openai" });
  assert.equal(isOpen(await counting.page()), 0);
  await counting.ask();
  await counting.ask();
  const broken = await counting.page();
  assert.deepEqual([isOpen(broken), opens(broken)], [1, 1]);
  assert.equal(sample(broken, "nightshift_ai_degraded_total", { tenant }), 2);
  await counting.ask();
  const mended = await counting.page();
  assert.deepEqual([isOpen(mended), opens(mended)], [0, 1]);
});

test("what a limit holds back is counted by how: the provider's own 429, and a provider that is passed over", async () => {
  await using provider = await fake();
  provider.script("ok", ["429-ms:20"]);
  await using limited = await startAi(settings([mounted(provider, "ok")]));
  await limited.ask();
  const waits = (text: string, kind: string) =>
    sample(text, "nightshift_ai_limit_waits_total", { provider: "openai", kind });
  assert.equal(waits(await limited.page(), "provider"), 1);

  const narrow = mounted(provider, "narrow", { limits: { requests: 1, tokens: 1_000_000 } });
  const wide = mounted(provider, "wide", { name: "perplexity" });
  await using passing = await startAi(settings([narrow, wide], { windowMs: 600_000 }));
  await passing.ask();
  await passing.ask({ ...question, message: "And GSTR-1, when?" });
  const text = await passing.page();
  assert.equal(waits(text, "passed-over"), 1);
  assert.equal(sample(text, "nightshift_ai_calls_total", { provider: "perplexity", outcome: "answered" }), 1);
});

test("a budget that is used up is counted by whose it is", async () => {
  await using provider = await fake();
  await using counting = await startAi(settings([mounted(provider, "ok")]));
  const { services } = counting.rig.runtime;
  const budget = { scope: "feature", subject: "door", period: "day", limitMicros: 0, hard: true } as const;
  await services.ai.budgets.set(tenant, budget);
  const refused = await counting.ask({ ...question, purpose: "door" });
  assert.equal(refused.error!.code, "ai_budget_exceeded");
  const labels = { scope: "feature", period: "day", tenant };
  assert.equal(sample(await counting.page(), "nightshift_ai_budget_refusals_total", labels), 1);
});
