import assert from "node:assert/strict";
import { test } from "vitest";
import { Health } from "../../src/observability/health.ts";
import { Metrics } from "../../src/observability/metrics.ts";
import { ProbeServer } from "../../src/observability/probe-server.ts";
import { silentLog } from "../engines/subject.ts";

test("a process that serves nothing else tells whether it lives, whether it is ready, and its numbers", async () => {
  const store = { away: false };
  const ping = async () => {
    if (store.away) throw Object.assign(new Error("connect to 10.0.0.7 refused"), { code: "ECONNREFUSED" });
  };
  const health = new Health({ redis: ping }, { freshMs: 0 });
  const metrics = new Metrics({ log: silentLog, sources: { slots: () => [{ queue: "tests", slots: 4, used: 1 }] } });
  const server = new ProbeServer({ host: "127.0.0.1", port: 0, health, metrics, log: silentLog });
  await server.start();
  const ask = async (path: string, method = "GET") => {
    const response = await fetch(`${server.url}${path}`, { method });
    return { status: response.status, type: response.headers.get("content-type"), text: await response.text() };
  };
  try {
    assert.deepEqual(JSON.parse((await ask("/healthz")).text), { status: "ok" });
    assert.deepEqual(JSON.parse((await ask("/readyz")).text), {
      status: "ready",
      checks: [{ name: "redis", ok: true }],
    });
    store.away = true;
    const { status, text } = await ask("/readyz");
    assert.equal(status, 503);
    assert.deepEqual(JSON.parse(text), {
      status: "not-ready",
      checks: [{ name: "redis", ok: false, detail: "ECONNREFUSED" }],
    });
    const page = await ask("/metrics");
    assert.equal(page.type, metrics.contentType);
    assert.match(page.text, /^nightshift_slots_used\{queue="tests"\} 1$/m);
    assert.deepEqual([(await ask("/")).status, (await ask("/metrics", "POST")).status], [404, 405]);
  } finally {
    await server.stop(1_000);
  }
});
