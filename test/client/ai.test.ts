import assert from "node:assert/strict";
import { afterAll, beforeAll, expectTypeOf, test } from "vitest";
import type { Respond, Responded } from "#jobs/ai/respond.job.ts";
import { FakeProvider } from "../../scripts/fake-provider/server.ts";
import { catalog } from "../../src/catalog.ts";
import { type Client, createClient, JobNotCompleted, ProblemError } from "../../src/client/client.ts";
import type { AiAnswer, AiMessage } from "../../src/core/ai-jobs.ts";
import { defineJob } from "../../src/core/job.ts";
import { noRetry } from "../../src/core/retry.ts";
import { mounted, settings } from "../ai/house.ts";
import { type Served, serve } from "../api/served.ts";
import { gate } from "../rig/jobs.ts";

const [respond, extract] = ["ai.respond", "ai.extract"].map((name) =>
  defineJob({ ...catalog.get(name), retry: noRetry }),
);
const question = { message: "When is GSTR-1 due?", context: "words ".repeat(100) };

let hold: Promise<void> = Promise.resolve();
let provider: FakeProvider;
let api: Served;
let client: Client;
let operator: Client;
beforeAll(async () => {
  provider = new FakeProvider({ eventMs: 30, onCall: () => hold });
  await provider.start();
  api = await serve({ jobs: [respond!, extract!], ai: settings([mounted(provider, "ok")]) });
  await api.rig.work();
  client = createClient({ baseUrl: api.url, key: api.key.producer });
  operator = createClient({ baseUrl: api.url, key: api.key.operator });
});
afterAll(async () => {
  await api[Symbol.asyncDispose]();
  await provider.stop();
});

test("a question is answered, and asking again under the same key is the same job", async () => {
  expectTypeOf<AiMessage>().toExtend<Respond>();
  expectTypeOf<Responded>().toExtend<AiAnswer>();
  const answer = await client.ai.respond(question, { idempotencyKey: "asked" });
  assert.match(answer.answer, /^In short: /);
  assert.deepEqual([answer.provider, answer.degraded, answer.cached], ["openai", false, false]);
  assert.deepEqual(await client.ai.respond(question, { idempotencyKey: "asked" }), answer, "not even a cached one");
});

test("an answer is told as it comes, and the last that is told is the answer", async () => {
  const told: string[] = [];
  const asked = { ...question, message: "And as it comes?" };
  const { answer } = await client.ai.respond(asked, { onText: (soFar) => told.push(soFar) });
  assert.ok(told.length >= 2, `${told.length} times`);
  assert.equal(told.at(-1), answer);
  assert.ok(told.every((soFar) => answer.startsWith(soFar)));
});

test("a text is read into a schema; what does not meet it is an error with the job's code", async () => {
  const found = await client.ai.extract({ text: "Two of four reviews were not done.", schema: "risk-score" });
  assert.deepEqual([found.schema, found.repaired], ["risk-score", false]);
  provider.script("ok", [
    { kind: "say", text: "no" },
    { kind: "say", text: "no" },
  ]);
  const wrong = client.ai.extract({ text: "Three of them.", schema: "risk-score" });
  await assert.rejects(wrong, (error: unknown) => {
    assert.ok(error instanceof JobNotCompleted);
    assert.deepEqual([error.code, error.job.state], ["ai_output_invalid", "dead"]);
    return true;
  });
});

test.each([false, true])("when the time is over the job goes on, and is named (streamed: %s)", async (streamed) => {
  const answer = gate();
  hold = answer.promise;
  const asked = { ...question, message: `Slowly, ${streamed}?` };
  const options = { timeoutMs: 50, ...(streamed && { onText: () => undefined }) };
  const error = await client.ai.respond(asked, options).then(
    () => assert.fail("it cannot have been answered"),
    (found: unknown) => found,
  );
  assert.ok(error instanceof JobNotCompleted, String(error));
  assert.equal(error.code, error.job.state);
  answer.open();
  hold = Promise.resolve();
  assert.equal((await client.wait(error.job.id)).state, "completed");
});

test("calls, budgets and spending are read; a budget that is used up refuses, until it is removed", async () => {
  const asked = { ...question, message: "For how much?", purpose: "client-test" };
  await client.ai.respond(asked);
  for await (const call of client.ai.calls({ state: "answered" })) assert.equal(call.state, "answered");
  const budget = { scope: "feature", subject: "client-test", period: "day" } as const;
  await assert.rejects(client.ai.setBudget({ ...budget, limitMicros: 0 }), { code: "forbidden" });
  const all = await operator.ai.setBudget({ ...budget, limitMicros: 0 });
  const ours = all.find(
    ({ scope, subject, period }) => scope === "feature" && subject === "client-test" && period === "day",
  );
  assert.ok(ours!.spentMicros > 0 && ours!.exceeded);
  assert.deepEqual(await client.ai.budgets(), all);
  const refused = client.ai.respond({ ...asked, message: "Once more?" });
  await assert.rejects(
    refused,
    (error: unknown) => error instanceof ProblemError && error.code === "ai_budget_exceeded",
  );
  await operator.ai.removeBudget(budget);
  await client.ai.respond({ ...asked, message: "Once more?" });
});
