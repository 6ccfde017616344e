import assert from "node:assert/strict";
import { afterAll, beforeAll, test } from "vitest";
import { FakeProvider } from "../../scripts/fake-provider/server.ts";
import { catalog } from "../../src/catalog.ts";
import { mounted, settings } from "../ai/house.ts";
import { type Served, serve } from "../api/served.ts";
import { openPdf } from "../documents/pdf.ts";

let provider: FakeProvider;
let api: Served;
beforeAll(async () => {
  provider = new FakeProvider();
  await provider.start();
  api = await serve({ ...catalog, ai: settings([mounted(provider, "ok")], { dailyMicros: 20_000 }) });
  await api.rig.work();
});
afterAll(async () => {
  await api[Symbol.asyncDispose]();
  await provider.stop();
});

const today = () => new Date().toISOString().slice(0, 10);
async function answered(payload: object, key = api.key.producer) {
  const { body } = await api.ask("/v1/jobs/ai.respond", { json: { payload }, key });
  const job = (await api.ask(`/v1/jobs/${body.id}?wait=60s`, { key })).body;
  assert.equal(job.state, "completed", JSON.stringify(job.error));
  return job.result;
}
type Row = Record<string, string | number | null>;
async function usage(query = "", key = api.key.producer): Promise<Row[]> {
  const path = `/v1/reports/ai-usage?from=${today()}&to=${today()}&wait=60s&stale=false&${query}`;
  const { status, body } = await api.ask(path, { key });
  assert.equal(status, 200, JSON.stringify(body));
  return body.rows;
}

test("calls, tokens and cost are the provider's bill; what came from the cache or from rules bought nothing", async () => {
  const question = { message: "When is GSTR-1 due?", context: "GSTR-1 is due by the 11th. GSTR-3B follows." };
  await api.ask("/v1/ai/budgets", {
    key: api.key.operator,
    json: { scope: "feature", subject: "help-desk", period: "day", limitMicros: 10_000 },
  });
  const bought = await answered({ ...question, purpose: "help-desk" });
  const again = await answered({ ...question, purpose: "help-desk" });
  assert.deepEqual([bought.cached, again.cached], [false, true]);
  await answered({ message: "And GSTR-3B?", context: "By the 20th." });
  provider.script("ok", ["400"]);
  const strange = await answered(
    { message: "When is it due?", context: "It is due on the 11th." },
    api.key.stranger,
  ).catch(() => null);
  assert.equal(strange, null, "a request that the provider refuses is no answer");
  await provider.stop(); // nobody is there any more: the rules answer
  const simple = await answered({
    message: "When is GSTR-9 due?",
    context: "GSTR-9 is due on 31 December.",
    purpose: "rules",
  });
  assert.equal(simple.degraded, true);

  const rows = await usage();
  const of = (purpose: string, name: string) =>
    rows.find((row) => row.purpose === purpose && row.provider === name) as Row;
  const desk = of("help-desk", "openai");
  assert.deepEqual(
    [desk.day, desk.model, desk.calls, desk.answered, desk.cacheHits, desk.costMicros],
    [today(), "test-model", 1, 1, 1, bought.costMicros],
  );
  assert.deepEqual([desk.inputTokens, desk.outputTokens], [bought.usage.inputTokens, bought.usage.outputTokens]);
  assert.equal(desk.purposeBudgetPercent, Math.round((1_000 * bought.costMicros) / 10_000) / 10);
  const failed = of("rules", "openai");
  assert.deepEqual([failed.answered, failed.costMicros], [0, 0]);
  assert.ok(Number(failed.calls) >= 1 && failed.failed === failed.calls);
  const ruled = of("rules", "simple");
  assert.deepEqual([ruled.model, ruled.calls, ruled.degraded, ruled.costMicros], ["rules", 0, 1, 0]);

  const cost = rows.reduce((sum, row) => sum + Number(row.costMicros), 0);
  assert.equal(cost, provider.bill.totals().micros);
  const { items } = (await api.ask("/v1/ai/budgets")).body;
  const day = items.find(({ scope, period }: Row) => scope === "tenant" && period === "day");
  assert.equal(cost, day.spentMicros + day.reservedMicros);
  for (const row of rows) assert.equal(row.tenantBudgetPercent, Math.round((1_000 * cost) / 20_000) / 10);
});

test("of one purpose, of another tenant, of another day", async () => {
  assert.deepEqual([...new Set((await usage("purpose=general")).map(({ purpose }) => purpose))], ["general"]);
  const theirs = await usage("", api.key.stranger);
  assert.deepEqual(
    theirs.map(({ purpose, calls, failed, costMicros }) => [purpose, calls, failed, costMicros]),
    [["general", 1, 1, 0]],
  );
  const { body } = await api.ask("/v1/reports/ai-usage?from=2026-01-01&to=2026-01-31&wait=60s");
  assert.deepEqual(body.rows, []);
  const refused = await api.ask("/v1/reports/ai-usage?from=2026-02-01&to=2026-01-01&purpose=A%20B");
  assert.equal(refused.status, 422);
});

test("as CSV and as PDF with its chart", async () => {
  const path = `/v1/reports/ai-usage?from=${today()}&to=${today()}&wait=60s`;
  const csv = await (await api.fetch(`${path}&format=csv`)).text();
  assert.match(csv, /^day,purpose,provider,model,calls,/);
  assert.match(csv, /,help-desk,openai,test-model,1,1,0,0,/);
  const response = await api.fetch(`${path}&format=pdf`);
  assert.equal(response.status, 200);
  const bytes = new Uint8Array(await response.arrayBuffer());
  const pdf = await openPdf(bytes);
  for (const text of ["AI usage and cost", "help-desk", "test-model"])
    assert.ok(pdf.pages.join("\n").includes(text), text);
});
