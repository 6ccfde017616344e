import assert from "node:assert/strict";
import { afterAll, beforeAll, test } from "vitest";
import { z } from "zod";
import { gate, testJob, testQueue } from "../rig/jobs.ts";
import { tenant } from "../rig/rig.ts";
import { type Served, serve } from "./served.ts";

const seen = gate<string | undefined>();
const queue = testQueue();
const run = testJob(async () => null, { queue });
const traced = testJob(async (_payload, ctx) => seen.open(ctx.traceparent), { queue, name: "tests.traced" });
const strict = testJob(async () => null, {
  queue,
  name: "tests.strict",
  payload: z.strictObject({ count: z.int().min(1), lines: z.array(z.strictObject({ name: z.string() })) }),
});

let api: Served;
beforeAll(async () => {
  api = await serve({ jobs: [run, traced, strict] });
});
afterAll(() => api[Symbol.asyncDispose]());

test("an accepted job is answered with 202, a receipt and where to follow it, and is in the ledger", async () => {
  const { status, headers, body } = await api.ask("/v1/jobs/tests.run", {
    json: { payload: { a: 1 }, tags: ["x"], correlationId: "order 7", priority: "high" },
  });
  assert.equal(status, 202);
  assert.deepEqual(Object.keys(body), [
    ...["id", "job", "queue", "tenant", "state", "acceptedAt", "runAt", "duplicate", "replaced", "links"],
  ]);
  assert.deepEqual(body.links, { self: `/v1/jobs/${body.id}`, events: `/v1/jobs/${body.id}/events` });
  assert.equal(headers.get("location"), body.links.self);
  assert.equal(body.tenant, tenant);
  assert.equal(body.duplicate, false);
  const view = await api.rig.runtime.reader.find(tenant, body.id);
  assert.deepEqual(view?.tags, ["x"]);
  assert.equal(view?.correlationId, "order 7");
  assert.equal(view?.priority, "high");
});

test("a second job with the key of a living one joins it, with 200", async () => {
  const json = { payload: {}, deduplicationKey: "once", runAt: new Date(Date.now() + 3_600_000).toISOString() };
  const first = await api.ask("/v1/jobs/tests.run", { json });
  const second = await api.ask("/v1/jobs/tests.run", { json });
  assert.deepEqual([first.status, second.status], [202, 200]);
  assert.equal(first.body.state, "scheduled");
  assert.equal(second.body.id, first.body.id);
  assert.equal(second.body.duplicate, true);
  assert.equal(second.headers.get("location"), first.headers.get("location"));
});

test("the trace of the request reaches the handler", async () => {
  const traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
  await api.rig.work();
  await api.ask("/v1/jobs/tests.traced", { json: { payload: {} }, headers: { traceparent } });
  assert.equal(((await seen.promise) ?? "").split("-")[1], traceparent.split("-")[1]);
});

test("every problem of payload and options is told at once, by its path, and nothing is recorded", async () => {
  const { status, headers, body } = await api.ask("/v1/jobs/tests.strict", {
    json: {
      payload: { count: 0, lines: [{ name: "a" }, { name: 7, price: 1 }], extra: true },
      priority: "urgent",
      callbackUrl: "https://example.com",
      traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
      tags: [""],
      runAt: "tomorrow",
    },
  });
  assert.equal(status, 422);
  assert.equal(headers.get("content-type"), "application/problem+json; charset=utf-8");
  assert.equal(body.code, "invalid_input");
  assert.equal(body.type, "/docs#invalid_input");
  const paths = body.errors.map(({ path }: { path: string }) => path).sort();
  assert.deepEqual(paths, [
    ...["callbackUrl", "payload.count", "payload.extra", "payload.lines.1.name", "payload.lines.1.price"],
    ...["priority", "runAt", "tags.0", "traceparent"],
  ]);
  assert.deepEqual(await api.rig.runtime.reader.list({ tenant: null, job: "tests.strict", limit: 10 }), []);
});

test("an unknown job is 404 unknown_job", async () => {
  const { status, body } = await api.ask("/v1/jobs/tests.nothing", { json: { payload: {} } });
  assert.deepEqual([status, body.code], [404, "unknown_job"]);
});

test("a body that holds half a million problems is answered with the first thousand", async () => {
  const lines = Array.from({ length: 200_000 }, () => 1);
  const { status, body } = await api.ask("/v1/jobs/tests.strict", { json: { payload: { count: 1, lines } } });
  assert.equal(status, 422);
  assert.equal(body.errors.length, 1_000);
  assert.match(body.detail, /200000 problem/);
});
