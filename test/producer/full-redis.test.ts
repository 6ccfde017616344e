import assert from "node:assert/strict";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Redis } from "ioredis";
import { test } from "vitest";
import { startServers } from "../../src/embedded/servers.ts";
import { serve } from "../api/served.ts";
import { gate, testJob, testQueue } from "../rig/jobs.ts";

const bytes = async (redis: Redis) => Number(/^used_memory:(\d+)/m.exec(await redis.info("memory"))![1]);

// Seen to fail without the gate: `at its limit` leaves every job to a dispatch that Redis refuses, again and again, and
// `past its high-water mark` fills Redis up until workers can no longer renew their leases.
for (const [how, limit] of [
  ["past its high-water mark", (used: number) => Math.round(used * 1.15)],
  ["at its limit, and refuses", () => 1],
] as const)
  test(`Redis is ${how}: jobs are accepted and wait in Postgres, workers go on, and dispatch resumes by itself`, async () => {
    await using servers = await ownRedis();
    const redis = new Redis(servers.redisUrl);
    const begun = gate();
    const go = gate();
    const queue = testQueue({ concurrency: 1, leaseMs: 10_000 });
    const fleeting = testQueue({ name: "fleeting", durability: "redis" });
    const run = testJob(
      async () => {
        begun.open();
        await go.promise;
        return "done";
      },
      { queue },
    );
    const quick = testJob(async () => "done", { queue: fleeting, name: "tests.quick" });
    await using api = await serve({ jobs: [run, quick], redisUrl: servers.redisUrl, relay: true });
    const ask = (job: string) => api.ask(`/v1/jobs/${job}`, { json: { payload: {} } });
    const { body: running } = await ask("tests.run");
    await api.rig.work();
    await begun.promise;

    await redis.config("SET", "maxmemory", limit(await bytes(redis)));
    const refused = await ask("tests.run"); // may be the one that finds out
    await api.rig.until(() => !api.rig.runtime.redis.open);
    const answers = [refused];
    for (const job of ["tests.run", "tests.quick", "tests.run", "tests.quick"]) answers.push(await ask(job));
    assert.deepEqual(
      answers.map(({ status }) => status),
      answers.map(() => 202),
    );
    const states = await Promise.all(answers.map(({ body }) => api.ask(`/v1/jobs/${body.id}`)));
    assert.deepEqual(
      states.slice(1).map(({ status, body }) => [status, body.state]),
      answers.slice(1).map(() => [200, "accepted"]),
    );
    go.open();
    assert.equal((await api.rig.settled(running.id)).state, "completed", "what runs can be settled");

    await redis.config("SET", "maxmemory", 0);
    for (const { body } of answers)
      await api.rig.until(async () => {
        const { status, body: view } = await api.ask(`/v1/jobs/${body.id}`);
        return status === 200 && view.state === "completed";
      });
    assert.equal(
      api.rig.lines.some(({ fields }) => fields.status === 500),
      false,
    );
    redis.disconnect();
  });

async function ownRedis() {
  const dataDir = mkdtempSync(join(tmpdir(), "nightshift-full-"));
  const servers = await startServers({ dataDir, want: { redis: true, postgres: false }, temporary: true });
  return { redisUrl: servers.redisUrl!, [Symbol.asyncDispose]: () => servers.stop() };
}
