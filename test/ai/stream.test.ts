import assert from "node:assert/strict";
import { test } from "vitest";
import { FakeProvider } from "../../scripts/fake-provider/server.ts";
import { catalog } from "../../src/catalog.ts";
import { type AnswerDelta, createClient } from "../../src/client/client.ts";
import { type Served, serve } from "../api/served.ts";
import { tenant } from "../rig/rig.ts";
import { mounted, settings } from "./house.ts";

const respond = catalog.get("ai.respond");
const question = { message: "When is GSTR-1 due?", context: "words ".repeat(100), stream: true };

/** A provider that answers word by word, slowly enough to be watched. */
async function slowly(dialect: "chat" | "responses", mount = "ok"): Promise<{ provider: FakeProvider; api: Served }> {
  const provider = new FakeProvider({ eventMs: 30 });
  await provider.start();
  const providers = [mounted(provider, mount, { dialect }), mounted(provider, "second", { name: "perplexity" })];
  const api = await serve({ jobs: [respond], ai: settings(providers) });
  return { provider, api };
}

/** Follow a job to its end: what was told of the answer, and the answer. */
async function followed(api: Served, id: string) {
  const deltas: AnswerDelta[] = [];
  const client = createClient({ baseUrl: api.url, key: api.key.producer });
  let answer = "";
  for await (const { job } of client.events(id, { onDelta: (delta) => deltas.push(delta) }))
    if (job.state === "completed") answer = (job.result as { answer: string }).answer;
  return { deltas, answer };
}

/** What a reader has in the end who puts every delta where it belongs. */
function assembled(deltas: readonly AnswerDelta[]): string {
  let [run, text] = [-1, ""];
  for (const delta of deltas) {
    if (delta.run !== run) [run, text] = [delta.run, ""];
    text = text.slice(0, delta.from) + delta.text;
  }
  return text;
}

test.each(["chat", "responses"] as const)(
  "an answer is told as it comes, and adds up to the result (%s)",
  async (dialect) => {
    const { provider, api } = await slowly(dialect);
    await using _ = provider;
    await using __ = api;
    const { id } = await api.rig.runtime.producer.enqueue(tenant, respond, question);
    await api.rig.work();
    const { deltas, answer } = await followed(api, id);
    assert.ok(deltas.length >= 2, `${deltas.length} deltas`);
    assert.equal(assembled(deltas), answer);
    const late = await followed(api, id);
    assert.equal(assembled(late.deltas), answer, "who comes late gets all of it");
    assert.equal(
      (await api.rig.runtime.services.ai.calls.list({ tenant, limit: 1 }))[0]!.costMicros,
      provider.bill.totals().micros,
    );
  },
);

test("when a stream breaks, the next provider begins the answer anew, and the reader is told so", async () => {
  const { provider, api } = await slowly("chat", "reset");
  await using _ = provider;
  await using __ = api;
  const { id } = await api.rig.runtime.producer.enqueue(tenant, respond, question);
  await api.rig.work();
  const { deltas, answer } = await followed(api, id);
  assert.equal(assembled(deltas), answer);
  const calls = await api.rig.runtime.services.ai.calls.list({ tenant, limit: 5 });
  assert.deepEqual(
    calls.map(({ state }) => state),
    ["answered", "unknown"],
  );
});

test("another tenant hears nothing of it, and what is not streamed is told at its end alone", async () => {
  const { provider, api } = await slowly("chat");
  await using _ = provider;
  await using __ = api;
  const { id } = await api.rig.runtime.producer.enqueue(tenant, respond, { ...question, stream: false });
  await api.rig.work();
  const { deltas, answer } = await followed(api, id);
  assert.deepEqual(deltas, []);
  assert.notEqual(answer, "");
  assert.equal((await api.ask(`/v1/jobs/${id}/events`, { key: api.key.stranger })).status, 404);
  assert.equal(await api.rig.runtime.services.ai.drafts.read("globex", id), null);
});
