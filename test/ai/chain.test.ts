import assert from "node:assert/strict";
import { Redis } from "ioredis";
import { inject, test } from "vitest";
import { FakeProvider } from "../../scripts/fake-provider/server.ts";
import { catalog } from "../../src/catalog.ts";
import { defineJob } from "../../src/core/job.ts";
import { noRetry } from "../../src/core/retry.ts";
import type { JobView } from "../../src/ledger/job-reader.ts";
import type { AiSettings } from "../../src/services/ai/ai-services.ts";
import { type Rig, startRig, tenant } from "../rig/rig.ts";
import { mounted, settings } from "./house.ts";

/** As in the catalog, but the first failure is final. */
const respond = defineJob({ ...catalog.get("ai.respond"), retry: noRetry });
const context = "GSTR-1 is due by the 11th of the next month. Form 16 is a certificate. GSTR-3B is due by the 20th.";
const question = { message: "When is GSTR-1 due?", context };

async function startAi(ai: AiSettings): Promise<Rig> {
  const rig = await startRig({ jobs: [respond], ai });
  await rig.work();
  return rig;
}

async function ask(rig: Rig, payload: unknown = question): Promise<JobView> {
  const { id } = await rig.runtime.producer.enqueue(tenant, respond, payload);
  return rig.settled(id);
}

async function fake(): Promise<FakeProvider> {
  const provider = new FakeProvider();
  await provider.start();
  return provider;
}

const callsOf = (rig: Rig) => rig.runtime.services.ai.calls.list({ tenant, limit: 100 });
const incidents = async (rig: Rig) => (await rig.runtime.incidents.list({ limit: 50 })).map(({ kind }) => kind);

/** The chain of three, on mounts of these names. */
const chain = (provider: FakeProvider, ...mounts: string[]) =>
  mounts.map((mount, index) =>
    mounted(provider, mount, {
      name: ["openai", "perplexity", "huggingface"][index]!,
      dialect: index === 1 ? "responses" : "chat",
    }),
  );

test("a message is answered by the first provider, recorded with what it cost, and told to nobody else", async () => {
  await using provider = await fake();
  await using rig = await startAi(settings(chain(provider, "ok", "second")));
  const secret = "Zanzibar-7731";
  const view = await ask(rig, { message: `What of ${secret}?`, context: `${secret} is due on Monday.` });
  assert.equal(view.state, "completed", JSON.stringify(view.error));
  const result = view.result as { provider: string; costMicros: number; degraded: boolean; cached: boolean };
  const [line, ...others] = provider.bill.lines;
  assert.deepEqual(others, []);
  assert.deepEqual([result.provider, result.degraded, result.cached], ["openai", false, false]);
  assert.equal(result.costMicros, line!.micros);
  const [call] = await callsOf(rig);
  assert.deepEqual([call!.id, call!.state, call!.costMicros], [line!.callId, "answered", line!.micros]);
  assert.ok(call!.estimateMicros >= line!.micros);

  assert.doesNotMatch(JSON.stringify(rig.lines), /Zanzibar/);
  const redis = new Redis(inject("redisUrl"));
  for (const key of await redis.keys(`{${rig.prefix}:*`)) {
    const kept = await redis.dump(key);
    assert.ok(!kept?.includes("Zanzibar"), key);
  }
  redis.disconnect();
});

test("the chain is walked in its order: each failure is on record, and the first answer ends it", async () => {
  await using provider = await fake();
  await using rig = await startAi(settings(chain(provider, "503", "500", "third")));
  const view = await ask(rig);
  assert.equal((view.result as { provider: string }).provider, "huggingface");
  const calls = (await callsOf(rig)).toReversed();
  assert.deepEqual(
    calls.map(({ provider: name, state, errorCode, costMicros }) => [name, state, errorCode, costMicros !== 0]),
    [
      ["openai", "failed", "provider_unavailable", false],
      ["perplexity", "failed", "provider_unavailable", false],
      ["huggingface", "answered", null, true],
    ],
  );
  assert.ok(calls.every(({ durationMs }) => durationMs !== null));
});

test.each([
  ["429:90", 90_000, 90_000],
  ["429-ms:1234", 1_234, 1_234],
  ["429-date:100", 95_000, 100_000],
  ["429", 10_000, 10_000],
])(
  "a provider that answers %s is waited for by the queue, as long as it asked: no slot, no attempt",
  async (mount, least, most) => {
    await using provider = await fake();
    await using rig = await startAi(settings(chain(provider, mount, "second")));
    const { id } = await rig.runtime.producer.enqueue(tenant, respond, question);
    const view = await rig.until(async () => {
      const found = await rig.runtime.reader.find(tenant, id);
      return found?.state === "retrying" ? found : null;
    });
    const [attempt] = view.attempts;
    assert.equal(attempt!.outcome, "snoozed");
    assert.equal(attempt!.error!.code, "retry_after");
    const { delayMs } = attempt!.error!.details as { delayMs: number };
    assert.ok(delayMs >= least && delayMs <= most, String(delayMs));
    assert.deepEqual(
      provider.calls.map((call) => call.mount),
      [mount],
      "the next provider is not asked",
    );
    // Everybody else waits as well, without a call of their own.
    const other = await rig.runtime.producer.enqueue(tenant, respond, { message: "Another?", context });
    await rig.until(async () => (await rig.runtime.reader.find(tenant, other.id))?.state === "retrying");
    assert.equal(provider.calls.length, 1);
  },
);

test("the wait over, the job is answered by the provider that asked for it, in an attempt that is not its last", async () => {
  await using provider = await fake();
  provider.script("ok", ["429-ms:50", "429-ms:50"]);
  await using rig = await startAi(settings(chain(provider, "ok")));
  const view = await ask(rig);
  assert.equal(view.state, "completed", "noRetry: one attempt would have been all");
  assert.deepEqual(
    view.attempts.map(({ outcome }) => outcome),
    ["snoozed", "snoozed", "completed"],
  );
});

test("a provider that asks for more patience than there is, is passed over", async () => {
  await using provider = await fake();
  await using rig = await startAi(settings(chain(provider, "429:600", "second")));
  assert.equal(((await ask(rig)).result as { provider: string }).provider, "perplexity");
});

test("a request that a provider refuses is stopped: no other is asked, and its words are nowhere", async () => {
  await using provider = await fake();
  await using rig = await startAi(settings(chain(provider, "400", "second")));
  const view = await ask(rig);
  assert.equal(view.state, "dead");
  assert.equal(view.error!.code, "ai_request_refused");
  assert.deepEqual(
    provider.calls.map(({ mount }) => mount),
    ["400"],
  );
  assert.doesNotMatch(JSON.stringify([view, rig.lines]), /fake provider was told/);
});

test.each([
  ["401", "ai_provider_refuses_key"],
  ["quota", "ai_provider_quota_spent"],
  ["unknown-model", "ai_provider_model_unknown"],
])("%s is an incident, and the next provider answers meanwhile", async (mount, kind) => {
  await using provider = await fake();
  await using rig = await startAi(settings(chain(provider, mount, "second")));
  assert.equal(((await ask(rig)).result as { provider: string }).provider, "perplexity");
  assert.deepEqual(await incidents(rig), [kind]);
});

test("no provider left: the rules answer from the context, and say that they did", async () => {
  await using provider = await fake();
  await using rig = await startAi(settings(chain(provider, "500", "503", "500")));
  const view = await ask(rig);
  assert.equal(view.state, "completed", JSON.stringify(view.error));
  const result = view.result as { answer: string; provider: string; degraded: boolean; costMicros: number };
  assert.equal(result.answer, "GSTR-1 is due by the 11th of the next month.");
  assert.deepEqual([result.provider, result.degraded, result.costMicros], ["simple", true, 0]);
});

test("where the rules have nothing to say either, the error names every provider and why", async () => {
  await using provider = await fake();
  await using rig = await startAi(settings(chain(provider, "500", "503")));
  const view = await ask(rig, { message: "When is GSTR-1 due?" });
  assert.equal(view.state, "dead");
  assert.equal(view.error!.code, "ai_providers_exhausted");
  const { causes } = view.error!.details as { causes: { provider: string; code: string; status: number }[] };
  assert.deepEqual(
    causes.map(({ provider: name, code, status }) => [name, code, status]),
    [
      ["openai", "provider_unavailable", 500],
      ["perplexity", "provider_unavailable", 503],
    ],
  );
});

test("an installation without keys answers by the rules", async () => {
  await using rig = await startAi(settings([]));
  assert.equal(((await ask(rig)).result as { provider: string }).provider, "simple");
});

test("a call that breaks is unknown where it may be charged for, and free where it cannot be", async () => {
  await using provider = await fake();
  const gone = await fake();
  const refused = mounted(gone, "ok");
  await gone.stop(); // nobody listens there any more
  for (const [mount, state] of [
    ["reset", "unknown"],
    ["drop", "unknown"],
    ["broken", "unknown"],
    [null, "failed"],
  ] as const) {
    const first = mount ? mounted(provider, mount) : refused;
    await using rig = await startAi(settings([first, mounted(provider, "second", { name: "perplexity" })]));
    assert.equal(((await ask(rig)).result as { provider: string }).provider, "perplexity");
    const [, call] = await callsOf(rig);
    assert.deepEqual([mount, call!.state], [mount, state]);
    const [day] = (await rig.runtime.services.ai.budgets.status(tenant)).filter(
      ({ scope, period }) => scope === "tenant" && period === "day",
    );
    const answered = provider.bill.lines.at(-1)!.micros;
    assert.equal(day!.spentMicros, answered + (state === "unknown" ? call!.estimateMicros : 0));
    assert.equal(day!.reservedMicros, 0);
  }
});

test("a refusal ends the job, paid for and on record; an answer that was cut says so", async () => {
  await using provider = await fake();
  await using rig = await startAi(settings(chain(provider, "refusal", "second")));
  const view = await ask(rig);
  assert.deepEqual([view.state, view.error!.code], ["dead", "ai_answer_refused"]);
  assert.equal((await callsOf(rig))[0]!.costMicros, provider.bill.lines[0]!.micros);

  await using cut = await startAi(settings(chain(provider, "length")));
  assert.equal(((await ask(cut)).result as { truncated: boolean }).truncated, true);
});

test("a model without a price is never called; one that answers under another name costs what was reserved", async () => {
  await using provider = await fake();
  const [known] = chain(provider, "second");
  await using rig = await startAi(settings([mounted(provider, "ok", { model: "nobody-knows" }), known!]));
  await ask(rig);
  assert.deepEqual(
    provider.calls.map(({ mount }) => mount),
    ["second"],
  );
  assert.deepEqual(await incidents(rig), ["ai_price_unknown"]);

  await using stale = await startAi(settings(chain(provider, "stale-model")));
  await ask(stale);
  const [call] = await callsOf(stale);
  assert.equal(call!.costMicros, call!.estimateMicros);
  assert.match(call!.model, /of-yesterday/);
  assert.deepEqual(await incidents(stale), ["ai_price_unknown"]);
});

test("an answer with characters that Postgres cannot hold is kept all the same, mended", async () => {
  await using provider = await fake();
  provider.script("ok", [{ kind: "say", text: "by the\u0000 11th \ud800" }]);
  await using rig = await startAi(settings(chain(provider, "ok")));
  const view = await ask(rig);
  assert.equal((view.result as { answer: string }).answer, "by the\ufffd 11th \ufffd");
});

test("a provider that may cost more than the job may is passed over", async () => {
  await using provider = await fake();
  await using rig = await startAi(settings(chain(provider, "ok")));
  const view = await ask(rig, { ...question, maxCostMicros: 1 });
  assert.equal((view.result as { provider: string }).provider, "simple");
  assert.equal(provider.calls.length, 0);
});
