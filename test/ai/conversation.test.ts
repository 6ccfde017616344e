import assert from "node:assert/strict";
import { test } from "vitest";
import { memoryTokens, remembered } from "../../jobs/ai/memory.ts";
import { FakeProvider } from "../../scripts/fake-provider/server.ts";
import { catalog } from "../../src/catalog.ts";
import { startRig, tenant } from "../rig/rig.ts";
import { mounted, settings } from "./house.ts";

const respond = catalog.get("ai.respond");
const turn = (words: number) => [
  { role: "user" as const, content: "q".repeat(words * 4) },
  { role: "assistant" as const, content: "a".repeat(words * 4) },
];

test("memory holds the newest messages that fit, and begins with a question", () => {
  assert.deepEqual(remembered([]), []);
  assert.deepEqual(remembered(turn(10)), turn(10));
  assert.deepEqual(remembered([...turn(900), ...turn(500), ...turn(400)]), [...turn(500), ...turn(400)]);
  assert.deepEqual(remembered([...turn(10), ...turn(10)], 35), turn(10), "an answer without its question is left out");
  assert.deepEqual(remembered(turn(memoryTokens + 1)), []);
});

test("a session's next question goes along with what was said before, and another tenant's session is another one", async () => {
  await using provider = new FakeProvider();
  await provider.start();
  await using rig = await startRig({ jobs: [respond], ai: settings([mounted(provider, "ok")]) });
  await rig.work();
  const said = async (message: string, of = tenant, sessionId = "s1") => {
    const { id } = await rig.runtime.producer.enqueue(of, respond, { message, sessionId });
    const view = await rig.settled(id);
    assert.equal(view.state, "completed", JSON.stringify(view.error));
    const { messages } = JSON.parse(provider.calls.at(-1)!.body) as { messages: { role: string; content: string }[] };
    return messages.filter(({ role }) => role !== "system").map(({ content }) => content);
  };
  assert.deepEqual(await said("My name is Meera."), ["My name is Meera."]);
  assert.deepEqual(await said("Who am I?"), ["My name is Meera.", "In short: My name is Meera.", "Who am I?"]);
  assert.deepEqual(await said("And here?", tenant, "s2"), ["And here?"]);
  assert.deepEqual(await said("And there?", "globex"), ["And there?"]);
  assert.equal((await said("Again?")).length, 5);
});
