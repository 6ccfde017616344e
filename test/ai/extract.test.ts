import assert from "node:assert/strict";
import { test } from "vitest";
import type { Behaviour } from "../../scripts/fake-provider/behaviour.ts";
import { FakeProvider } from "../../scripts/fake-provider/server.ts";
import { catalog } from "../../src/catalog.ts";
import { type Rig, startRig, tenant } from "../rig/rig.ts";
import { mounted, settings } from "./house.ts";

const extract = catalog.get("ai.extract");
const asked = { schema: "risk-score", text: "Two of four quarterly access reviews were not done." };
const say = (value: unknown): Behaviour => ({
  kind: "say",
  text: typeof value === "string" ? value : JSON.stringify(value),
});
const good = { level: "high", score: 71, reasons: ["Access reviews are missing."] };

async function run(
  provider: FakeProvider,
  behaviours: readonly (string | Behaviour)[],
  dialect: "chat" | "responses" = "chat",
) {
  provider.script("ok", behaviours);
  const rig: Rig = await startRig({ jobs: [extract], ai: settings([mounted(provider, "ok", { dialect })]) });
  await rig.work();
  const { id } = await rig.runtime.producer.enqueue(tenant, extract, asked);
  return { rig, view: await rig.settled(id) };
}

async function fake(): Promise<FakeProvider> {
  const provider = new FakeProvider();
  await provider.start();
  return provider;
}

test.each(["chat", "responses"] as const)("an answer that meets its schema is the result (%s)", async (dialect) => {
  await using provider = await fake();
  const { rig, view } = await run(provider, [], dialect);
  await using _ = rig;
  assert.equal(view.state, "completed", JSON.stringify(view.error));
  const { data, repaired } = view.result as { data: { level: string }; repaired: boolean };
  assert.deepEqual([data.level, repaired], ["low", false]);
  assert.ok(provider.calls[0]!.request.schema, "the provider was told the schema");
});

test("one that does not is sent back once, with what is wrong, and both are paid for", async () => {
  await using provider = await fake();
  const { rig, view } = await run(provider, [say({ ...good, score: 700, mood: "bad" }), say(good)]);
  await using _ = rig;
  const result = view.result as { data: unknown; repaired: boolean; costMicros: number };
  assert.deepEqual([result.data, result.repaired], [good, true]);
  assert.equal(result.costMicros, provider.bill.totals().micros);
  assert.match(provider.calls[1]!.request.asked, /score/);
});

test.each(["not JSON at all", { level: "none" }])(
  "a second bad answer ends the job: no third is bought",
  async (bad) => {
    await using provider = await fake();
    const { rig, view } = await run(provider, [say(bad), say(bad), say(good)]);
    await using _ = rig;
    assert.deepEqual([view.state, view.error!.code], ["dead", "ai_output_invalid"]);
    assert.equal(provider.bill.totals().calls, 2);
    assert.doesNotMatch(JSON.stringify(view.error), /not JSON at all|none/);
  },
);

test("an answer that was cut gets more room the second time", async () => {
  await using provider = await fake();
  const { rig, view } = await run(provider, ["length", say(good)]);
  await using _ = rig;
  assert.equal(view.state, "completed", JSON.stringify(view.error));
  const [first, second] = provider.calls.map(({ request }) => request.maxTokens);
  assert.equal(second, first! * 2);
});

test("there is no rule that extracts: without a provider the job is tried again, and says why", async () => {
  await using rig = await startRig({ jobs: [extract], ai: settings([]) });
  await rig.work();
  const { id } = await rig.runtime.producer.enqueue(tenant, extract, asked);
  const view = await rig.until(async () => {
    const found = await rig.runtime.reader.find(tenant, id);
    return found?.state === "retrying" ? found : null;
  });
  assert.equal(view.attempts[0]!.error!.code, "ai_providers_exhausted");
});
