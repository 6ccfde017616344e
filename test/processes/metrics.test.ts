import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { test } from "vitest";
import { FakeProvider } from "../../scripts/fake-provider/server.ts";
import { testPrices } from "../ai/house.ts";
import { sample } from "../observability/page.ts";
import { eventually } from "../rig/eventually.ts";
import { openHouse, type Running } from "../rig/processes.ts";

const owner = { id: "asha", name: "Asha Rao", email: "asha@example.com" };
const obligation = { title: "GSTR-3B", kind: "tax-return", company: "acme-in", owner, timeZone: "Asia/Kolkata" };

async function page(running: Running, listening: string): Promise<string> {
  const { url } = await running.logged(listening);
  return (await fetch(`${url}/metrics`)).text();
}

test("each process tells at its own /metrics what it counts of reminders, reports and AI calls", async () => {
  await using provider = new FakeProvider();
  await provider.start();
  await using house = await openHouse();
  const dir = await mkdtemp(join(tmpdir(), "nightshift-prices-"));
  const pricesFile = join(dir, "prices.json");
  writeFileSync(pricesFile, JSON.stringify(testPrices));
  const ai = {
    OPENAI_API_KEY: "a-key-of-the-fake",
    OPENAI_BASE_URL: provider.url("ok"),
    OPENAI_MODEL: "test-model",
    AI_PRICES_FILE: pricesFile,
  };
  const worker = await house.start("worker", ai);
  const scheduler = await house.start("scheduler");
  const api = await house.start("api", ai);
  await rm(dir, { recursive: true }); // read at their start

  assert.equal((await house.call("GET", "/v1/reports/queue-service-levels?wait=60s")).status, 200);
  const asked = { payload: { message: "When is GSTR-1 due?", context: "By the 11th." } };
  const { body: job } = await house.call("POST", "/v1/jobs/ai.respond", asked);
  assert.equal((await house.call("GET", `/v1/jobs/${job.id}?wait=60s`)).body.state, "completed");
  const limit = { scope: "feature", subject: "closed", period: "day", limitMicros: 0 };
  assert.equal((await house.call("POST", "/v1/ai/budgets", limit)).status, 200);
  const refused = { payload: { ...asked.payload, purpose: "closed" } };
  assert.equal((await house.call("POST", "/v1/jobs/ai.respond", refused)).status, 429);

  const due = { on: new Date(Date.now() + 90 * 86_400_000).toISOString().slice(0, 10) };
  const made = await house.call("POST", "/v1/obligations", { ...obligation, due, offsets: [{ days: 0 }] });
  assert.equal(made.status, 201, JSON.stringify(made.body));
  const client = new pg.Client({ connectionString: house.databaseUrl });
  await client.connect();
  const tenMinutesAgo = "date_trunc('second', now()) - interval '10 min'";
  await client.query(
    `update nightshift.deliveries set fire_at = ${tenMinutesAgo}, sweep_at = ${tenMinutesAgo} where stage = '0d'`,
  );
  const lagging = await page(scheduler, "probes.listening");
  assert.ok(sample(lagging, "nightshift_reminder_sweep_lag_seconds")! >= 600);
  assert.equal(sample(lagging, "nightshift_reminder_deliveries_unknown"), 0);
  const tick = "next_tick = date_trunc('second', now()), next_due = date_trunc('second', now())";
  await client.query(`update nightshift.schedules set ${tick} where name = 'reminders.sweep'`);
  await client.query("select pg_notify('nightshift_schedules', '')");
  await client.end();

  const ours = { tenant: "acme" };
  await eventually(async () => {
    const sent = { ...ours, channel: "email", state: "sent" };
    assert.equal(sample(await page(worker, "probes.listening"), "nightshift_reminder_deliveries_total", sent), 1);
  });
  const done = await page(worker, "probes.listening");
  const report = { ...ours, report: "queue-service-levels" };
  assert.equal(sample(done, "nightshift_report_computations_total", { ...report, outcome: "computed" }), 1);
  assert.equal(sample(done, "nightshift_ai_calls_total", { ...ours, provider: "openai", outcome: "answered" }), 1);
  assert.equal(sample(done, "nightshift_ai_breaker_open", { provider: "openai" }), 0);

  const read = await page(api, "api.listening");
  assert.equal(sample(read, "nightshift_report_reads_total", { ...report, outcome: "wait" }), 1);
  assert.equal(sample(read, "nightshift_ai_budget_refusals_total", { ...ours, scope: "feature", period: "day" }), 1);
  assert.equal(sample(read, "nightshift_reminder_deliveries_unknown"), 0);
  for (const text of [done, read, lagging]) assert.doesNotMatch(text, /Asha|example\.com|GSTR|a-key/);
}, 90_000);
