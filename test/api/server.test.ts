import assert from "node:assert/strict";
import { connect } from "node:net";
import { test } from "vitest";
import { gate, testJob } from "../rig/jobs.ts";
import { apiOf, serve } from "./served.ts";

test("a stop lets long polls answer with the present, ends event streams and closes idle connections, well before its deadline", async () => {
  await using api = await serve({ jobs: [testJob(async () => null)] });
  const { body } = await api.ask("/v1/jobs/tests.run", { json: { payload: {} } });
  const waiting = api.ask(`/v1/jobs/${body.id}?wait=1m`);
  const stream = api.ask(`/v1/jobs/${body.id}/events`);
  await api.rig.until(() => api.server.watch.waiting === 2);

  const began = performance.now();
  await api.server.stop(30_000);
  assert.ok(performance.now() - began < 20_000, "a long poll alone would have held it until its deadline");
  const { status, body: view } = await waiting;
  assert.equal(status, 200);
  assert.ok(["accepted", "queued"].includes(view.state));
  assert.match((await stream).body, /^retry: 1000\n\nid: \d+\nevent: (accepted|queued)\n/);
  assert.equal(api.server.watch.waiting, 0);
  await assert.rejects(api.ask("/healthz"), TypeError);
});

test("a request in the middle is answered; one that never ends is cut at the deadline", async () => {
  const asked = gate();
  const answer = gate();
  await using api = await serve({ jobs: [testJob(async () => null)] });
  const { reader } = api.rig.runtime;
  const list = reader.list.bind(reader);
  reader.list = async (filter) => {
    asked.open();
    await answer.promise;
    return list(filter);
  };
  const slow = api.ask("/v1/jobs");
  await asked.promise;
  const endless = connect(Number(new URL(api.url).port), "127.0.0.1");
  endless.write("POST /v1/jobs HTTP/1.1\r\nHost: x\r\n");
  const cut = new Promise((resolve) => endless.on("close", resolve));
  endless.on("error", () => undefined);
  const stopped = api.server.stop(300);
  answer.open();
  assert.equal((await slow).status, 200);
  await stopped;
  await cut;
});

test("a port that is taken is told at the start, and a stop before or after is harmless", async () => {
  await using api = await serve({ jobs: [testJob(async () => null)] });
  const port = Number(new URL(api.url).port);
  const second = apiOf(api.rig, { keys: api.keys, health: { checks: async () => [] }, port });
  await assert.rejects(second.start(), { code: "EADDRINUSE" });
  await second.stop(100);
  await second.stop(100);
});
