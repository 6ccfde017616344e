import assert from "node:assert/strict";
import { fork } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import OpenAI, { type APIError } from "openai";
import { test } from "vitest";
import { parseBehaviour } from "../../scripts/fake-provider/behaviour.ts";
import { SlidingLimit } from "../../scripts/fake-provider/limit.ts";
import { FakeProvider, type FakeProviderOptions } from "../../scripts/fake-provider/server.ts";

async function started(options?: FakeProviderOptions): Promise<FakeProvider> {
  const provider = new FakeProvider(options);
  await provider.start();
  return provider;
}

function client(provider: FakeProvider, mount = "ok"): OpenAI {
  return new OpenAI({ apiKey: "any", baseURL: provider.url(mount), maxRetries: 0 });
}

const question = { model: "m", messages: [{ role: "user" as const, content: "When is GSTR-1 due?" }] };

async function refused(provider: FakeProvider, mount: string): Promise<APIError> {
  const error = await client(provider, mount)
    .chat.completions.create(question)
    .then(
      () => assert.fail("answered"),
      (thrown) => thrown,
    );
  return error as APIError;
}

test("the official client gets a completion with its usage, and the bill has one line that names the call", async () => {
  await using provider = await started({ price: { inputMicros: 1_000_000, outputMicros: 2_000_000 } });
  const answer = await client(provider).chat.completions.create(question, {
    headers: { "x-client-request-id": "call-1" },
  });
  assert.match(answer.choices[0]!.message.content!, /GSTR-1/);
  const { prompt_tokens: input, completion_tokens: output } = answer.usage!;
  const [line] = provider.bill.lines;
  assert.deepEqual(
    { ...line, at: "" },
    {
      callId: "call-1",
      mount: "ok",
      model: "m",
      inputTokens: input,
      outputTokens: output,
      micros: input + 2 * output,
      at: "",
    },
  );
});

test("a stream of either dialect adds up to the whole answer, usage last", async () => {
  await using provider = await started();
  const whole = (await client(provider).chat.completions.create(question)).choices[0]!.message.content!;

  const chat = await client(provider).chat.completions.create({
    ...question,
    stream: true,
    stream_options: { include_usage: true },
  });
  let said = "";
  let usage = 0;
  for await (const chunk of chat) {
    said += chunk.choices[0]?.delta.content ?? "";
    usage = chunk.usage?.total_tokens ?? usage;
  }
  assert.equal(said, whole);
  assert.ok(usage > 0);

  const events = await client(provider).responses.create({ model: "m", input: question.messages, stream: true });
  let told = "";
  for await (const event of events) if (event.type === "response.output_text.delta") told += event.delta;
  assert.equal(told, whole);
});

test("a schema that was asked for is met; a token limit cuts the answer and says so", async () => {
  await using provider = await started();
  const schema = {
    type: "object",
    properties: { level: { enum: ["low", "high"] }, score: { type: "integer", minimum: 7 } },
  };
  const shaped = await client(provider).chat.completions.create({
    ...question,
    response_format: { type: "json_schema", json_schema: { name: "risk", schema } },
  });
  assert.deepEqual(JSON.parse(shaped.choices[0]!.message.content!), { level: "low", score: 7 });

  const cut = await client(provider).chat.completions.create({ ...question, max_completion_tokens: 3 });
  assert.equal(cut.choices[0]!.finish_reason, "length");
  assert.equal(cut.usage!.completion_tokens, 3);
});

test("each failure looks as a provider's does, and only those that a provider would charge for are charged for", async () => {
  await using provider = await started();
  const headersOf = async (mount: string) => (await refused(provider, mount)).headers!;
  assert.equal((await headersOf("429:90")).get("retry-after"), "90");
  assert.equal((await headersOf("429-ms:250")).get("retry-after-ms"), "250");
  assert.ok(Date.parse((await headersOf("429-date:60")).get("retry-after")!) > Date.now() + 50_000);
  assert.equal((await headersOf("429")).get("retry-after"), null);
  for (const status of [401, 500, 503]) assert.equal((await refused(provider, String(status))).status, status);
  assert.equal((await refused(provider, "unknown-model")).code, "model_not_found");
  assert.equal((await refused(provider, "quota")).code, "insufficient_quota");
  assert.equal(provider.bill.totals().calls, 0);

  for (const mount of ["reset", "drop", "broken"]) await refused(provider, mount);
  const refusal = await client(provider, "refusal").chat.completions.create(question);
  assert.ok(refusal.choices[0]!.message.refusal);
  const stale = await client(provider, "stale-model").chat.completions.create(question);
  assert.notEqual(stale.model, "m");
  assert.equal((await client(provider, "no-usage").chat.completions.create(question)).usage, undefined);
  assert.deepEqual(
    provider.bill.lines.map((line) => line.mount),
    ["reset", "drop", "broken", "refusal", "stale-model", "no-usage"],
  );
  assert.equal(provider.bill.totals().duplicates, 5, "the same request, six times");
});

test("a script is followed call by call, over HTTP as well, and then the mount is itself again", async () => {
  await using provider = await started();
  await fetch(`${provider.origin}/script`, {
    method: "POST",
    body: JSON.stringify({ mount: "ok", behaviours: ["503", "ok"] }),
  });
  assert.equal((await refused(provider, "ok")).status, 503);
  await client(provider).chat.completions.create(question);
  await client(provider).chat.completions.create(question);
  const bill = (await (await fetch(`${provider.origin}/bill`)).json()) as { calls: number };
  assert.equal(bill.calls, 2);
});

test("a limited mount refuses what is too much in any stretch of its window, and says when it would fit", async () => {
  let now = 0;
  const limit = new SlidingLimit({ requests: 2, tokens: 100, windowMs: 1_000 }, () => now);
  assert.equal(limit.take(10), 0);
  now = 600;
  assert.equal(limit.take(10), 0);
  now = 900;
  assert.equal(limit.take(10), 100, "the first leaves the window at 1,000");
  now = 1_001;
  assert.equal(limit.take(91), 599, "too many tokens until the second leaves as well");
  assert.equal(limit.headers()["x-ratelimit-remaining-requests"], "1");

  await using provider = await started({ limits: { tight: { requests: 1, tokens: 10_000, windowMs: 60_000 } } });
  await client(provider, "tight").chat.completions.create(question);
  const error = await refused(provider, "tight");
  assert.equal(error.status, 429);
  assert.ok(Number(error.headers!.get("retry-after")) > 30);
  assert.equal(error.headers!.get("x-ratelimit-remaining-requests"), "0");
});

test("a behaviour that does not exist is refused with what there is", () => {
  assert.throws(() => parseBehaviour("explode"), /Expected a behaviour such as ok/);
  assert.throws(() => parseBehaviour("slow:soon"), RangeError);
});

test("it runs by itself: says where it listens, tells of its calls without their words, and ends when it is asked to", async () => {
  const path = fileURLToPath(new URL("../../scripts/fake-provider.ts", import.meta.url));
  const execArgv = ["--disable-warning=ExperimentalWarning"];
  const child = fork(path, ["--port", "0"], { silent: true, execArgv });
  const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
  const { listening } = JSON.parse((await lines.next()).value as string);
  await new OpenAI({ apiKey: "any", baseURL: listening, maxRetries: 0 }).chat.completions.create(question);
  const told = (await lines.next()).value as string;
  assert.equal(JSON.parse(told).model, "m");
  assert.doesNotMatch(told, /GSTR/);
  const ended = once(child, "exit");
  child.kill("SIGTERM");
  assert.deepEqual(await ended, [0, null]);

  const refused = fork(path, ["--port", "many"], { silent: true, execArgv });
  assert.deepEqual(await once(refused, "exit"), [64, null]);
});
