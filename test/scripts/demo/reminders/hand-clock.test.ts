import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Redis } from "ioredis";
import { inject, onTestFinished, test } from "vitest";
import { HandClock } from "../../../../scripts/demo/reminders/hand-clock.ts";
import { readMails } from "../../../../scripts/demo/reminders/mail.ts";
import type { Announced } from "../../../../scripts/demo/reminders/proof.ts";
import { Database } from "../../../../src/ledger/database.ts";

const log = { debug() {}, info() {}, warn() {}, error() {}, child: () => log };

interface Ground {
  readonly clock: HandClock;
  readonly mailDir: string;
  readonly giveUp: AbortController;
  /** Schemas of clocks set by hand, and those of their pg-boss. */
  schemas(): Promise<readonly string[]>;
  run(sql: string): Promise<unknown>;
}

async function ground(startAt: string): Promise<Ground> {
  const dir = await mkdtemp(join(tmpdir(), "nightshift-hand-"));
  const stores = { databaseUrl: inject("databaseUrl"), redisUrl: inject("redisUrl") };
  const database = new Database({ connectionString: stores.databaseUrl, max: 2, log });
  const mailDir = join(dir, "mail");
  const giveUp = new AbortController();
  const clock = new HandClock({
    ...{ stores, database, mailDir, startAt, fetch, signal: giveUp.signal },
    logFile: join(dir, "house.log"),
  });
  onTestFinished(async () => {
    await clock.stop();
    await database.stop();
    await rm(dir, { recursive: true, force: true });
  });
  const schemas = async () => {
    const { rows } = await database.executeSql(
      "select nspname as name from pg_namespace where starts_with(nspname, 'demo_clock_') order by 1",
    );
    return rows.map(({ name }) => name as string);
  };
  return { clock, mailDir, giveUp, schemas, run: (sql) => database.executeSql(sql) };
}

test("a move of the clock sends what is due by then, dated by that clock, and nothing is left after the stop", async () => {
  const { clock, mailDir, schemas } = await ground("2026-07-01T00:00:00.000Z");
  await clock.start();
  const { http } = clock.connect("acme");
  const owner = { id: "asha", name: "Asha Rao", email: "asha@example.com" };
  await http.send("/v1/calendars/in-gst/apply", { body: { company: "acme", owner } });
  const { items } = await http.json<{ items: Announced[] }>("/v1/reminders/preview?days=31&limit=1000");
  const [first, second] = [...new Set(items.map(({ fireAt }) => fireAt))].sort();

  await clock.moveTo(first!);
  await clock.moveTo(second!);
  const due = items.filter(({ fireAt }) => fireAt === first || fireAt === second);
  assert.ok(due.length >= 2 && due.length < items.length);
  const sent = (await readMails(mailDir)).map(({ deliveryId, date }) => ({ id: deliveryId, at: date }));
  const byId = (a: { id: string }, b: { id: string }) => a.id.localeCompare(b.id);
  assert.deepEqual(sent.sort(byId), due.map(({ id, fireAt }) => ({ id, at: fireAt })).sort(byId));

  const [own = "", boss] = (await schemas()).filter((name) => name.includes(`_${process.pid}`));
  assert.equal(boss, `${own}_boss`);
  await clock.stop();
  assert.deepEqual(
    (await schemas()).filter((name) => name.startsWith(own)),
    [],
  );
  const redis = new Redis(inject("redisUrl"));
  onTestFinished(() => redis.disconnect());
  assert.deepEqual(await redis.keys(`{${own}:*`), []);
});

test("what a killed demo left is removed by the next one; what another one uses is not", async () => {
  const { clock, schemas, run } = await ground("2026-07-01T00:00:00.000Z");
  const living = `demo_clock_${Math.floor(Date.now() / 1_000)}_1`;
  onTestFinished(async () => void (await run(`drop schema if exists ${living}`)));
  for (const name of ["demo_clock_1000_7", "demo_clock_1000_7_boss", living]) await run(`create schema ${name}`);
  await clock.start();
  const found = await schemas();
  assert.ok(found.includes(living));
  assert.deepEqual(
    found.filter((name) => name.startsWith("demo_clock_1000_7")),
    [],
  );
});

test("given up while it starts, it ends and leaves nothing", async () => {
  const { clock, giveUp, schemas } = await ground("2026-07-01T00:00:00.000Z");
  const starting = clock.start();
  giveUp.abort();
  await assert.rejects(starting);
  await clock.stop();
  assert.deepEqual(
    (await schemas()).filter((name) => name.includes(`_${process.pid}`)),
    [],
  );
});
