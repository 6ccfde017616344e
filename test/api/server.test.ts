import assert from "node:assert/strict";
import { test } from "vitest";
import { testJob } from "../rig/jobs.ts";
import { serve } from "./served.ts";

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
  assert.match((await stream).body, /^retry: 1000\n\nid: \d+-(accepted|queued)\nevent: (accepted|queued)\n/);
  assert.equal(api.server.watch.waiting, 0);
  await assert.rejects(api.ask("/healthz"), TypeError);
});
