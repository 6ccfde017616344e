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

test("model providers are those with a key, in the order of the chain, whatever the order of the variables", () => {
  assert.deepEqual(parseEnv({}).aiProviders, []);
  const env = parseEnv({
    HUGGINGFACE_API_KEY: "h",
    HUGGINGFACE_MODEL: "some/model",
    OPENAI_API_KEY: "o",
    OPENAI_BASE_URL: "http://127.0.0.1:4010/ok/v1",
    AI_DAILY_BUDGET_MICROS: "500",
  });
  assert.deepEqual(
    env.aiProviders.map(({ name, baseUrl, model, dialect }) => [name, baseUrl, model, dialect]),
    [
      ["openai", "http://127.0.0.1:4010/ok/v1", "gpt-4.1-mini", "chat"],
      ["huggingface", "https://router.huggingface.co/v1", "some/model", "chat"],
    ],
  );
  assert.equal(env.aiDailyMicros, 500);
  assert.throws(() => parseEnv({ HUGGINGFACE_API_KEY: "h" }), /HUGGINGFACE_MODEL/);
  assert.throws(() => parseEnv({ OPENAI_BASE_URL: "127.0.0.1:4010" }), /OPENAI_BASE_URL/);
});
