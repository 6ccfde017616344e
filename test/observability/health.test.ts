import assert from "node:assert/strict";
import { Redis } from "ioredis";
import { inject, test } from "vitest";
import { ManualClock } from "../../src/core/clock.ts";
import { Database } from "../../src/ledger/database.ts";
import { Health, postgresProbe } from "../../src/observability/health.ts";
import { silentLog } from "../engines/subject.ts";

test("a process whose stores answer is healthy", async () => {
  const database = new Database({ connectionString: inject("databaseUrl"), log: silentLog });
  const redis = new Redis(inject("redisUrl"));
  const health = new Health({ postgres: postgresProbe(database), redis: () => redis.ping() }, { timeoutMs: 10_000 });
  assert.deepEqual(await health.checks(), [
    { name: "postgres", ok: true },
    { name: "redis", ok: true },
  ]);
  await database.stop();
  redis.disconnect();
});

test("a store that refuses is named with a code, and without its address", async () => {
  const connectionString = "postgres://someone:secret@127.0.0.1:1/nothing";
  const database = new Database({ connectionString, log: silentLog });
  const [check] = await new Health({ postgres: postgresProbe(database) }).checks();
  assert.deepEqual(check, { name: "postgres", ok: false, detail: "ECONNREFUSED" });
  await database.stop();
});

test("a statement that hangs is given up with its connection", async () => {
  const database = new Database({ connectionString: inject("databaseUrl"), max: 1, log: silentLog });
  const blocked = Object.assign(Object.create(database) as Database, {
    pool: { query: (query: object) => database.pool.query({ ...query, text: "select pg_sleep(20)" }) },
  });
  const [check] = await new Health({ postgres: postgresProbe(blocked, 100) }, { timeoutMs: 5_000 }).checks();
  assert.equal(check?.ok, false);
  assert.equal((await database.executeSql("select 1 as one")).rows[0]?.one, 1, "the pool's one place is free again");
  await database.stop();
});

test("a probe that never answers is not waited for", async () => {
  const health = new Health({ redis: () => new Promise(() => undefined) }, { timeoutMs: 20 });
  assert.deepEqual(await health.checks(), [{ name: "redis", ok: false, detail: "deadline_passed" }]);
});

test("an answer is good for a second, and callers at the same time share it", async () => {
  const clock = new ManualClock("2026-11-05T10:00:00Z");
  let asked = 0;
  const health = new Health({ redis: async () => ++asked }, { clock });
  await Promise.all([health.checks(), health.checks()]);
  await health.checks();
  assert.equal(asked, 1);
  clock.advance(1_000);
  await health.checks();
  assert.equal(asked, 2);
});
