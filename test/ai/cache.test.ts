import assert from "node:assert/strict";
import { test } from "vitest";
import { FakeProvider } from "../../scripts/fake-provider/server.ts";
import { catalog } from "../../src/catalog.ts";
import { defineJob } from "../../src/core/job.ts";
import { fixed } from "../../src/core/retry.ts";
import { gate } from "../rig/jobs.ts";
import { type Rig, startRig, tenant } from "../rig/rig.ts";
import { mounted, settings } from "./house.ts";

const respond = defineJob({ ...catalog.get("ai.respond"), retry: fixed({ attempts: 2, delayMs: 20 }) });
const question = { message: "When is GSTR-1 due?", context: "By the 11th." };

async function startAi(provider: FakeProvider): Promise<Rig> {
  await provider.start();
  const rig = await startRig({ jobs: [respond], ai: settings([mounted(provider, "ok")]) });
  await rig.work();
  return rig;
}

const enqueue = async (rig: Rig, payload: unknown, of = tenant) =>
  (await rig.runtime.producer.enqueue(of, respond, payload)).id;

test("of many who ask the same at once, one asks the provider; the others wait without a slot and pay nothing", async () => {
  const answer = gate();
  await using provider = new FakeProvider({ onCall: () => answer.promise });
  await using rig = await startAi(provider);
  const ids = await Promise.all(Array.from({ length: 25 }, () => enqueue(rig, question)));
  await rig.until(async () => {
    const views = await Promise.all(ids.map((id) => rig.runtime.reader.find(tenant, id)));
    return views.filter((view) => view?.state === "retrying").length >= 20;
  });
  answer.open();
  const views = await Promise.all(ids.map((id) => rig.settled(id)));
  assert.equal(provider.bill.totals().calls, 1);
  const results = views.map(({ result }) => result as { cached: boolean; costMicros: number; answer: string });
  assert.equal(results.filter(({ cached }) => !cached).length, 1);
  assert.equal(
    results.reduce((sum, { costMicros }) => sum + costMicros, 0),
    provider.bill.totals().micros,
  );
  assert.equal(new Set(results.map(({ answer: text }) => text)).size, 1);
});

test("another tenant's question is its own, and so is one that differs by a word", async () => {
  await using provider = new FakeProvider();
  await using rig = await startAi(provider);
  for (const [payload, of] of [
    [question, tenant],
    [question, "globex"],
    [{ ...question, context: "By the 12th." }, tenant],
    [question, tenant],
  ] as const)
    await rig.settled(await enqueue(rig, payload, of));
  assert.equal(provider.bill.totals().calls, 3);
});

test("when the one who asks fails, another one asks: nobody waits for an answer that will not come", async () => {
  await using provider = new FakeProvider();
  provider.script("ok", ["400"]);
  await using rig = await startAi(provider);
  const views = await Promise.all(
    [enqueue(rig, question), enqueue(rig, question)].map(async (id) => rig.settled(await id)),
  );
  assert.deepEqual(views.map(({ state }) => state).sort(), ["completed", "dead"]);
});

test("an answer of the rules is not kept: when a provider is back, it is asked", async () => {
  await using provider = new FakeProvider();
  provider.script("ok", ["500"]);
  await using rig = await startAi(provider);
  const asked = { message: "When is GSTR-1 due?", context: "GSTR-1 is due by the 11th." };
  const degraded = (await rig.settled(await enqueue(rig, asked))).result as { degraded: boolean };
  const answered = (await rig.settled(await enqueue(rig, asked))).result as { degraded: boolean; cached: boolean };
  assert.deepEqual([degraded.degraded, answered.degraded, answered.cached], [true, false, false]);
});

test("a leader that is gone for good is replaced when its time is over", async () => {
  await using provider = new FakeProvider();
  await using rig = await startAi(provider);
  const { cache } = rig.runtime.services.ai;
  const ids = ["0193a1de-7a53-7cc1-9d6e-2f1f3a5b7c90", "0193a1de-7a53-7cc1-9d6e-2f1f3a5b7c91"] as const;
  assert.equal((await cache.look(tenant, "k", ids[0])).kind, "lead");
  assert.equal((await cache.look(tenant, "k", ids[0])).kind, "lead", "its own retry leads on");
  assert.equal((await cache.look(tenant, "k", ids[1])).kind, "wait");
  await rig.runtime.database.executeSql(`update ${rig.schema}.ai_cache set leads_until = now() - interval '1 second'`);
  assert.equal((await cache.look(tenant, "k", ids[1])).kind, "lead");
});
