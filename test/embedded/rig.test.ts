import assert from "node:assert/strict";
import { Redis } from "ioredis";
import pg from "pg";
import { inject, test } from "vitest";

test("the test run has a PostgreSQL 18 that asks for a password", async () => {
  const url = new URL(inject("databaseUrl"));
  const client = new pg.Client({ connectionString: url.href });
  await client.connect();
  const { rows } = await client.query<{ server_version: string }>("show server_version");
  await client.end();
  assert.match(rows[0]!.server_version, /^18\./);

  url.password = "wrong";
  const stranger = new pg.Client({ connectionString: url.href });
  await assert.rejects(stranger.connect(), { code: "28P01" });
});

test("the test run has a Redis that asks for a password and never evicts", async () => {
  await using redis = disposable(new Redis(inject("redisUrl")));
  assert.deepEqual(await redis.config("GET", "maxmemory-policy"), ["maxmemory-policy", "noeviction"]);

  const url = new URL(inject("redisUrl"));
  url.password = "";
  await using stranger = disposable(new Redis(url.href, { retryStrategy: null }));
  stranger.on("error", () => {}); // of its handshake; the command below reports the same
  await assert.rejects(stranger.get("anything"), /NOAUTH/);
});

function disposable(redis: Redis): Redis & AsyncDisposable {
  return Object.assign(redis, { [Symbol.asyncDispose]: async () => redis.disconnect() });
}
