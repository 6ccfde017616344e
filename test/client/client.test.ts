import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { afterAll, beforeAll, expectTypeOf, test } from "vitest";
import { z } from "zod";
import { type Client, createClient, type JobView, ProblemError } from "../../src/client/client.ts";
import { PermanentError } from "../../src/core/errors.ts";
import type { HandlerContext } from "../../src/core/handler.ts";
import { defineJob } from "../../src/core/job.ts";
import { noRetry } from "../../src/core/retry.ts";
import { type Served, serve } from "../api/served.ts";
import { gate, testQueue } from "../rig/jobs.ts";
import { tenant } from "../rig/rig.ts";

class TooMany extends PermanentError {
  readonly code = "too_many";
}

const queue = testQueue();
const common = { queue, retry: noRetry, timeoutMs: 60_000, result: z.unknown() };
let running = gate<HandlerContext>();
let finish = gate();
const count = defineJob({
  ...common,
  name: "tests.count",
  summary: "Counts.",
  payload: z.strictObject({ to: z.int().max(10) }),
  handler: async () => ({
    handle: async ({ to }: { to: number }) => {
      if (to < 0) throw new TooMany("Expected a number from 0 on");
      return Array.from({ length: to }, (_, index) => index);
    },
  }),
});
const hold = defineJob({
  ...common,
  name: "tests.hold",
  summary: "Waits for the test.",
  payload: z.strictObject({}),
  handler: async () => ({
    handle: async (_payload: unknown, ctx: HandlerContext) => {
      running.open(ctx);
      await finish.promise;
    },
  }),
});
const shelve = defineJob({
  ...common,
  queue: testQueue({ name: "shelf" }),
  name: "tests.shelve",
  summary: "Is never run.",
  payload: z.strictObject({}),
  handler: async () => ({ handle: async () => undefined }),
});

let api: Served;
let client: Client;
let operator: Client;
beforeAll(async () => {
  api = await serve({ jobs: [count, hold, shelve] });
  await api.rig.work([queue]);
  client = createClient({ baseUrl: `${api.url}/`, key: api.key.producer });
  operator = createClient({ baseUrl: api.url, key: api.key.everyone, tenant });
});
afterAll(() => api[Symbol.asyncDispose]());

test("a job is enqueued by its definition, which types the payload, and waited for", async () => {
  expectTypeOf(client.enqueue<typeof count>)
    .parameter(1)
    .toEqualTypeOf<{ to: number }>();
  const receipt = await client.enqueue(count, { to: 3 }, { tags: ["t"] });
  const job = await client.wait<number[]>(receipt.id);
  assert.deepEqual([job.state, job.result], ["completed", [0, 1, 2]]);
  assert.deepEqual((await client.get(receipt.id)).tags, ["t"]);
});

test("a job may also be named, and then its payload is anything", async () => {
  const { id } = await client.enqueue("tests.count", { to: 1 });
  assert.equal((await client.wait(id)).state, "completed");
});

test("a refusal is a ProblemError with a code and every path", async () => {
  const error = await client.enqueue(count, { to: 11, unit: "km" } as never).catch((thrown) => thrown);
  assert.ok(error instanceof ProblemError);
  assert.deepEqual([error.status, error.code, error.retryAfterMs], [422, "invalid_input", null]);
  assert.deepEqual(error.errors.map(({ path }) => path).sort(), ["payload.to", "payload.unit"]);
  assert.match(error.requestId ?? "", /^[0-9a-f-]{36}$/);
  await assert.rejects(client.get("nothing"), { name: "ProblemError", code: "job_not_found" });
  await assert.rejects(client.redrive("nothing"), { code: "forbidden" });
});

test("many jobs go in one request, all or none", async () => {
  const receipts = await client.enqueueMany([
    { job: count, payload: { to: 1 }, correlationId: "first" },
    { job: "tests.count", payload: { to: 2 } },
  ]);
  assert.equal(receipts.length, 2);
  assert.equal((await client.get(receipts[0]!.id)).correlationId, "first");
  await assert.rejects(
    client.enqueueMany([
      { job: count, payload: { to: 1 } },
      { job: "tests.none", payload: {} },
    ]),
    {
      code: "invalid_input",
    },
  );
});

test("a list goes on over its pages", async () => {
  const jobs = Array.from({ length: 250 }, () => ({ job: shelve, payload: {}, tags: ["many"] }));
  await client.enqueueMany(jobs);
  const ids = new Set<string>();
  for await (const { id } of client.list({ tag: "many" })) ids.add(id);
  assert.equal(ids.size, 250);
});

test("a waiting job is cancelled, a dead one redriven", async () => {
  const { id } = await client.enqueue(shelve, {});
  assert.equal((await client.cancel(id)).state, "cancelled");
  await assert.rejects(client.cancel(id), { code: "job_already_ended" });

  const dead = await client.enqueue(count, { to: -1 });
  const job = await client.wait(dead.id);
  assert.deepEqual([job.state, job.error?.code], ["dead", "too_many"]);
  await api.rig.until(async () => (await api.rig.runtime.redis.find(queue, dead.id))?.state === "failed");
  await operator.redrive(dead.id);
  const again = await api.rig.until(async () => {
    const view = await client.get(dead.id);
    return view.state === "dead" && view.attempts.length === 2 ? view : null;
  });
  assert.equal(again.id, dead.id);
});

test("a wait that is over before the job answers with the job as it is", async () => {
  const { id } = await client.enqueue(shelve, {});
  const job = await client.wait(id, { timeoutMs: 50 });
  assert.ok(["accepted", "queued"].includes(job.state));
});

test("events come one by one until the end", async () => {
  running = gate();
  finish = gate();
  const { id } = await client.enqueue(hold, {});
  const told: string[] = [];
  for await (const { event, job } of client.events(id)) {
    told.push(event);
    if (event === "running") {
      (await running.promise).progress(0.5);
    } else if (event === "progress") {
      assert.equal(job.progress.fraction, 0.5);
      finish.open();
    }
  }
  assert.deepEqual(told.slice(-3), ["running", "progress", "completed"]);
});

test("events are taken up again after the connection was cut, without repeating what was told", async () => {
  running = gate();
  finish = gate();
  let connections = 0;
  const cutting: typeof fetch = async (input, init) => {
    const response = await fetch(input, init);
    if (!String(input).endsWith("/events")) return response;
    connections += 1;
    return connections === 1 ? cutAfterFirstEvent(response) : response;
  };
  const fragile = createClient({ baseUrl: api.url, key: api.key.producer, fetch: cutting });
  const { id } = await fragile.enqueue(hold, {});
  await running.promise;
  await api.rig.until(async () => (await client.get(id)).state === "running");
  const told: JobView[] = [];
  for await (const { job } of fragile.events(id)) {
    told.push(job);
    if (told.length === 1) finish.open();
  }
  assert.deepEqual(
    told.map(({ state }) => state),
    ["running", "completed"],
  );
  assert.equal(connections, 2);
});

test("a follower that has had enough leaves by its signal", async () => {
  const { id } = await client.enqueue(shelve, {});
  const enough = new AbortController();
  const follow = async () => {
    for await (const _change of client.events(id, { signal: enough.signal })) enough.abort();
  };
  await assert.rejects(follow(), { name: "AbortError" });
  await assert.rejects(client.wait(id, { signal: AbortSignal.abort() }), { name: "AbortError" });
});

test("an API that is not there is an error at once, not a wait for ever", async () => {
  const lost = createClient({ baseUrl: "http://127.0.0.1:1", key: "x" });
  const id = "0193a1de-7a53-7cc1-9d6e-2f1f3a5b7c90";
  await assert.rejects(lost.wait(id), TypeError);
  await assert.rejects(lost.events(id).next(), TypeError);
});

test("a wait rides out a moment in which nobody answers", async () => {
  let asked = 0;
  const flaky: typeof fetch = async (input, init) => {
    asked += 1;
    if (asked === 1) return Response.json({ state: "running" });
    if (asked === 2) throw new TypeError("fetch failed");
    return fetch(input, init);
  };
  const { id } = await client.enqueue(count, { to: 1 });
  const job = await createClient({ baseUrl: api.url, key: api.key.producer, fetch: flaky }).wait(id);
  assert.equal(job.state, "completed");
  assert.equal(asked, 3);
});

test("documents are read with their versions and their bytes", async () => {
  const { blobs, documents } = api.rig.runtime.services;
  const documentId = "0193a1de-7a53-7cc1-9d6e-2f1f3a5b7c90";
  const bytes = Buffer.from("%PDF-1.7 not really");
  await documents.addVersion({
    tenant,
    documentId,
    companyId: documentId,
    jobId: documentId,
    templateId: "tax-invoice",
    templateVersion: 1,
    locale: "en-IN",
    pageCount: 1,
    contentType: "application/pdf",
    fileName: "a.pdf",
    ...(await blobs.put(bytes)),
  });
  assert.equal((await client.documents.get(documentId)).latestVersion, 1);
  assert.equal((await client.documents.versions(documentId)).length, 1);
  const { sha256 } = await client.documents.version(documentId, 1);
  assert.equal(sha256, createHash("sha256").update(bytes).digest("hex"));
  assert.deepEqual(Buffer.from(await (await client.documents.content(documentId, 1)).arrayBuffer()), bytes);
  const part = await client.documents.content(documentId, 1, { range: { start: 0, end: 3 } });
  assert.deepEqual([part.status, await part.text()], [206, "%PDF"]);
  assert.equal((await client.documents.content(documentId, 1, { etag: `"${sha256}"` })).status, 304);
});

/** A response whose connection breaks once an event has come through. */
function cutAfterFirstEvent(response: Response): Response {
  let seen = "";
  const decoder = new TextDecoder();
  const body = response.body!.pipeThrough(
    new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller) {
        controller.enqueue(chunk);
        seen += decoder.decode(chunk, { stream: true });
        if (seen.includes("data:")) controller.error(new TypeError("terminated"));
      },
    }),
  );
  return new Response(body, { status: response.status, headers: response.headers });
}
