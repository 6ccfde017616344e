import assert from "node:assert/strict";
import { test } from "vitest";
import { FakeProvider } from "../../scripts/fake-provider/server.ts";
import { catalog } from "../../src/catalog.ts";
import { defineJob } from "../../src/core/job.ts";
import { fixed } from "../../src/core/retry.ts";
import { gate } from "../rig/jobs.ts";
import { startRig, tenant } from "../rig/rig.ts";
import { mounted, settings } from "./house.ts";

const respond = defineJob({ ...catalog.get("ai.respond"), retry: fixed({ attempts: 3, delayMs: 20 }) });
const question = { message: "When is GSTR-1 due?", sessionId: "s1" };

test("an attempt that fails after the answer was paid for does not buy it again", async () => {
  await using provider = new FakeProvider();
  await provider.start();
  await using rig = await startRig({ jobs: [respond], ai: settings([mounted(provider, "ok")]) });
  const { database, services, reader } = rig.runtime;
  // The turn of the conversation cannot be stored: what comes after the answer fails.
  await database.executeSql(`alter table ${rig.schema}.ai_messages rename to hidden`);
  await database.executeSql(
    `create table ${rig.schema}.ai_messages (like ${rig.schema}.hidden including all, check (content = ''))`,
  );
  const { id } = await rig.runtime.producer.enqueue(tenant, respond, question);
  await rig.work();
  await rig.until(async () => (await reader.find(tenant, id))?.attempts.some(({ outcome }) => outcome === "failed"));
  await database.executeSql(
    `drop table ${rig.schema}.ai_messages; alter table ${rig.schema}.hidden rename to ai_messages`,
  );
  const view = await rig.settled(id);
  assert.equal(view.state, "completed", JSON.stringify(view.error));
  assert.ok(view.attempts.length >= 2);
  assert.equal(provider.bill.totals().calls, 1);
  const { costMicros } = view.result as { costMicros: number };
  const [call, ...others] = await services.ai.calls.list({ tenant, limit: 10 });
  assert.deepEqual(others, []);
  assert.deepEqual([call!.state, call!.costMicros], ["answered", costMicros]);
});

test("the intent is on record before the provider hears of it, and its most is reserved", async () => {
  const answer = gate();
  const heard = gate<string>();
  await using provider = new FakeProvider({
    onCall: ({ callId }) => {
      heard.open(callId!);
      return answer.promise;
    },
  });
  await provider.start();
  await using rig = await startRig({ jobs: [respond], ai: settings([mounted(provider, "ok")]) });
  await rig.work();
  const { id } = await rig.runtime.producer.enqueue(tenant, respond, question);
  const callId = await heard.promise;
  const { calls, budgets } = rig.runtime.services.ai;
  const [call] = await calls.list({ tenant, limit: 10 });
  assert.deepEqual([call!.id, call!.state, call!.jobId], [callId, "sent", id]);
  assert.ok((await budgets.status(tenant)).every(({ reservedMicros }) => reservedMicros === call!.estimateMicros));
  answer.open();
  await rig.settled(id);
});

test("a call whose worker went away is listed as unknown and counted; the job is answered by another call", async () => {
  const answer = gate();
  const heard = gate();
  let first = true;
  await using provider = new FakeProvider({
    onCall: () => {
      if (!first) return;
      first = false;
      heard.open();
      return answer.promise;
    },
  });
  await provider.start();
  await using rig = await startRig({ jobs: [respond], ai: settings([mounted(provider, "ok")]) });
  const host = await rig.work();
  const { id } = await rig.runtime.producer.enqueue(tenant, respond, question);
  await heard.promise;
  await host.stop(0); // the drain interrupts it in the middle of its call
  const { calls, budgets } = rig.runtime.services.ai;
  const [lost] = await rig.until(async () => {
    const listed = await calls.list({ tenant, state: "unknown", limit: 10 });
    return listed.length === 1 && listed;
  });
  await rig.work();
  const view = await rig.settled(id);
  answer.open();
  assert.equal(view.state, "completed", JSON.stringify(view.error));
  assert.equal(provider.bill.totals().calls, 2);
  const listed = await calls.list({ tenant, jobId: id, limit: 10 });
  assert.deepEqual(listed.map(({ state }) => state).sort(), ["answered", "unknown"]);
  const answered = listed.find(({ state }) => state === "answered")!;
  for (const { spentMicros, reservedMicros } of await budgets.status(tenant))
    assert.deepEqual([spentMicros, reservedMicros], [lost!.estimateMicros + answered.costMicros!, 0]);
});

test("a call that is still sent when its attempt is gone is listed as unknown at once", async () => {
  await using rig = await startRig({ jobs: [respond], ai: settings([]) });
  const { calls } = rig.runtime.services.ai;
  const job = await rig.runtime.producer.enqueue(tenant, respond, question);
  const id = "0193a1de-7a53-7cc1-9d6e-2f1f3a5b7c90";
  const call = { id, tenant, jobId: job.id, step: "answer", attempt: 1, userId: undefined, purpose: "general" };
  await rig.runtime.database.transaction((client) =>
    calls.open(
      { ...call, provider: "openai", model: "m", estimateMicros: 7, priceFrom: "2026-01-01" },
      { executeSql: (text, values) => client.query(text, values) },
    ),
  );
  assert.deepEqual(
    (await calls.list({ tenant, state: "unknown", limit: 10 })).map((one) => one.id),
    [id],
  );
  assert.deepEqual(await calls.list({ tenant, state: "sent", limit: 10 }), []);
  const earlier = await calls.of(tenant, job.id, 2);
  assert.deepEqual([earlier.answers.size, earlier.committedMicros], [0, 7]);
});
