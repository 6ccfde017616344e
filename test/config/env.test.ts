import assert from "node:assert/strict";
import { test } from "vitest";
import { InvalidEnvironment, parseEnv } from "../../src/config/env.ts";

test("an empty environment is embedded mode on loopback, with the documented defaults", () => {
  const env = parseEnv({});
  assert.equal(env.databaseUrl, undefined);
  assert.equal(env.redisUrl, undefined);
  assert.equal(env.host, "127.0.0.1");
  assert.equal(env.timeZone, "UTC");
  assert.deepEqual([env.port, env.dashboardPort, env.drainMs], [3000, 3001, 25_000]);
  assert.match(env.dataDir, /\/\.nightshift$/);
  assert.equal(env.blobUrl, `file:${env.dataDir}/blobs`);
  assert.deepEqual([env.channels.smtpUrl, env.channels.mailDir], [undefined, `${env.dataDir}/mail`]);
  assert.equal(env.holidaysDir, `${env.dataDir}/holidays`);
});

test("a bad environment names every problem at once, and no value of a secret", () => {
  const source = {
    DATABASE_URL: "mysql://user:sesame@db/x",
    REDIS_URL: "localhost:6379",
    PORT: "seventy",
    DRAIN_MS: "-1",
    LOG_LEVEL: "loud",
    TIME_ZONE: "Europe/Berln",
    NIGHTSHIFT_API_KEY: "short-secret",
    SMTP_URL: "mail://user:sesame@host",
    MAIL_FROM: "nobody",
    PAGERDUTY_ROUTING_KEY: "short-secret",
  };
  assert.throws(
    () => parseEnv(source),
    (error: InvalidEnvironment) => {
      assert.ok(error instanceof InvalidEnvironment);
      for (const name of Object.keys(source)) assert.match(error.message, new RegExp(`^ {2}${name}: `, "m"));
      assert.doesNotMatch(error.message, /sesame|short-secret/);
      return true;
    },
  );
});

test("an empty variable counts as not set; a list is split and trimmed", () => {
  const env = parseEnv({ DATABASE_URL: "", PORT: "", WORKER_QUEUES: " documents, operations ," });
  assert.equal(env.databaseUrl, undefined);
  assert.equal(env.port, 3000);
  assert.deepEqual(env.workerQueues, ["documents", "operations"]);
});
