import assert from "node:assert/strict";
import { test } from "vitest";
import { FamilyMeters } from "../../src/observability/family-meters.ts";
import { Metrics } from "../../src/observability/metrics.ts";
import { startSmtp } from "../reminders/smtp.ts";
import { asha, openStage, type Stage } from "../reminders/stage.ts";
import { tenant } from "../rig/rig.ts";
import { sample } from "./page.ts";

const dueToday = { due: { on: "2026-06-30" }, offsets: [{ days: 0 }] };
const morning = "2026-06-30T03:31:00Z"; // a minute after 09:00 in India
const counted = "nightshift_reminder_deliveries_total";

/** The page as it is now. Another one each time, because what a gauge saw is kept for 5 s. */
function page({ rig }: Stage, families?: FamilyMeters): Promise<string> {
  const { log, reminders } = rig.runtime;
  const sources = { reminders: () => reminders.backlog.read() };
  return new Metrics({ log, ...(families ? { families } : { sources }) }).text();
}

test("messages are counted by channel, state and tenant as their sending ends, and nobody is named", async () => {
  let refusals = 1;
  let hangUp = false;
  await using smtp = await startSmtp(async () => (hangUp ? "hang-up" : undefined), {
    onRcptTo({ address }, _session, callback) {
      if (address.startsWith("gone")) return callback(Object.assign(new Error("no"), { responseCode: 550 }));
      if (refusals-- > 0) return callback(Object.assign(new Error("later"), { responseCode: 451 }));
      callback();
    },
  });
  const families = new FamilyMeters();
  await using stage = await openStage("2026-06-29T12:00:00Z", { channels: { smtpUrl: smtp.url }, meters: families });
  await stage.rig.work();
  await stage.create(dueToday);
  stage.at(morning);
  await stage.sweep();
  await stage.create({ ...dueToday, owner: { ...asha, email: "gone@example.com" } });
  await stage.sweep();
  hangUp = true;
  await stage.create(dueToday);
  await stage.sweep();

  const text = await page(stage, families);
  const count = (state: string) => sample(text, counted, { channel: "email", state, tenant });
  assert.deepEqual(["planned", "sent", "failed", "unknown"].map(count), [1, 1, 1, 1]);
  assert.doesNotMatch(text, /Asha|asha|example\.com|GSTR/);
  assert.equal(sample(await page(stage), "nightshift_reminder_deliveries_unknown"), 1);
});

test("a message that is dropped at its turn is counted as what it became, once", async () => {
  const families = new FamilyMeters();
  await using stage = await openStage("2026-06-20T12:00:00Z", { meters: families });
  await stage.create({ due: { on: "2026-06-30" }, offsets: [{ days: -1 }, { days: 0 }] });
  stage.at(morning); // both are due: the newer one says it all
  await stage.rig.work();
  await stage.sweep();
  await stage.sweep();
  const text = await page(stage, families);
  const count = (state: string) => sample(text, counted, { channel: "email", state });
  assert.deepEqual(["sent", "suppressed", "superseded"].map(count), [1, 1, undefined]);
});

test("a message whose sender vanished is counted by the sweep that finds it, and again when it is sent", async () => {
  const families = new FamilyMeters();
  await using stage = await openStage("2026-06-29T12:00:00Z", { meters: families });
  await stage.rig.work();
  await stage.create(dueToday);
  await stage.rig.runtime.database.executeSql(
    `update ${stage.rig.schema}.deliveries set state = 'sending', sending_since = $1 where stage = '0d'`,
    [new Date("2026-06-29T11:00:00Z")],
  );
  stage.at(morning);
  await stage.sweep(); // e-mail that becomes files is repeatable
  const text = await page(stage, families);
  const count = (state: string) => sample(text, counted, { channel: "email", state, tenant });
  assert.deepEqual(["planned", "sent", "unknown"].map(count), [1, 1, undefined]);
});

test("the sweep's lag is how long the oldest message has been due without a job", async () => {
  await using stage = await openStage("2026-06-29T12:00:00Z");
  await stage.create(dueToday);
  const lag = async () => sample(await page(stage), "nightshift_reminder_sweep_lag_seconds");
  assert.equal(await lag(), 0, "it is due tomorrow");
  stage.at("2026-06-30T03:40:00Z");
  assert.equal(await lag(), 600);
  await stage.rig.work();
  await stage.sweep();
  assert.equal(await lag(), 0);
});

test("while a store is away the page says nothing of what is in it, rather than 0", async () => {
  await using stage = await openStage("2026-06-29T12:00:00Z");
  const away = async () => Promise.reject(new Error("away"));
  const text = await new Metrics({ log: stage.rig.runtime.log, sources: { reminders: away, breakers: away } }).text();
  assert.equal(sample(text, "nightshift_reminder_sweep_lag_seconds"), undefined);
  assert.equal(sample(text, "nightshift_reminder_deliveries_unknown"), undefined);
  assert.equal(sample(text, "nightshift_ai_breaker_open"), undefined);
  assert.ok(sample(text, "process_cpu_seconds_total")! > 0);
});
