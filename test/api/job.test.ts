import assert from "node:assert/strict";
import { afterAll, beforeAll, test } from "vitest";
import { PermanentError } from "../../src/core/errors.ts";
import type { Handler } from "../../src/core/handler.ts";
import type { QueueDefinition } from "../../src/core/queue.ts";
import { gate, testJob, testQueue, untilAborted } from "../rig/jobs.ts";
import { type Served, serve } from "./served.ts";

class Broken extends PermanentError {
  readonly code = "broken";
}

/** What the handlers of this file do, by the payload's `does`. */
const acts: Record<string, Handler<Record<string, unknown>>> = {
  finish: async ({ say }) => ({ said: say ?? null }),
  die: async () => {
    throw new Broken("Expected a whole one, found a broken one");
  },
  wait: async (_payload, ctx) => {
    started.open(ctx.jobId);
    return untilAborted(ctx.signal);
  },
  hold: async () => held.promise,
};
let started = gate<string>();
let held = gate();

const act: Handler<Record<string, unknown>> = (payload, ctx) => acts[payload.does as string]!(payload, ctx);
const queue = testQueue();
const paused = testQueue({ name: "paused" });
const fleeting = testQueue({ name: "fleeting", durability: "redis" });
const fleetingPaused = testQueue({ name: "fleeting-paused", durability: "redis" });
const run = testJob(act, { queue });
const later = testJob(act, { queue: paused, name: "tests.later" });
const quick = testJob(act, { queue: fleeting, name: "tests.quick" });
const quickLater = testJob(act, { queue: fleetingPaused, name: "tests.quick-later" });

let api: Served;
beforeAll(async () => {
  api = await serve({ jobs: [run, later, quick, quickLater] });
  await api.rig.work([queue, fleeting]);
});
afterAll(() => api[Symbol.asyncDispose]());

const enqueue = async (job: string, payload: object): Promise<string> => {
  const { status, body } = await api.ask(`/v1/jobs/${job}`, { json: { payload } });
  assert.equal(status, 202);
  return body.id;
};

/** Wait until a dead job has left its worker's hands: redriven before that, it is 409. */
const putAway = (of: QueueDefinition, id: string) =>
  api.rig.until(async () => (await api.rig.runtime.redis.find(of, id))?.state === "failed");

test("a completed job shows its attempts and its result", async () => {
  const id = await enqueue("tests.run", { does: "finish", say: "₹" });
  const { status, body } = await api.ask(`/v1/jobs/${id}?wait=1m`);
  assert.equal(status, 200);
  assert.equal(body.state, "completed");
  assert.deepEqual(body.result, { said: "₹" });
  assert.deepEqual(
    body.attempts.map(({ number, outcome }: { number: number; outcome: string }) => [number, outcome]),
    [[1, "completed"]],
  );
  assert.equal("payload" in body, false);
});

test("a wait ends as soon as the job does, and with the present view when the time is over", async () => {
  held = gate();
  const id = await enqueue("tests.run", { does: "hold" });
  const short = await api.ask(`/v1/jobs/${id}?wait=20ms`);
  assert.ok(["accepted", "queued", "running"].includes(short.body.state), short.body.state);
  const waiting = api.ask(`/v1/jobs/${id}?wait=1m`);
  await api.rig.until(() => api.server.watch.waiting === 1);
  held.open();
  const sent = performance.now();
  assert.equal((await waiting).body.state, "completed");
  assert.ok(performance.now() - sent < 4_500, "told, not found by the look that comes every 5 s");
  assert.equal(api.server.watch.waiting, 0);
});

test("a wait that is none, or too long, is refused", async () => {
  const id = await enqueue("tests.run", { does: "finish" });
  for (const wait of ["", "30", "-1s", "2m", "61s", "1h", "1.5s", "99999999s"]) {
    const { status, body } = await api.ask(`/v1/jobs/${id}?wait=${wait}`);
    assert.deepEqual([wait, status, body.errors?.[0].path], [wait, 422, "wait"]);
  }
  assert.equal((await api.ask(`/v1/jobs/${id}?wait=1s&wait=2s`)).status, 422);
  assert.equal((await api.ask(`/v1/jobs/${id.toUpperCase()}?wait=500ms`)).status, 200);
});

test("a caller that leaves while it waits leaves nothing behind", async () => {
  const id = await enqueue("tests.later", { does: "finish" });
  const gone = new AbortController();
  const waiting = api.ask(`/v1/jobs/${id}?wait=1m`, { signal: gone.signal });
  await api.rig.until(() => api.server.watch.waiting === 1);
  gone.abort();
  await assert.rejects(waiting, { name: "AbortError" });
  await api.rig.until(() => api.server.watch.waiting === 0);
});

test("a job of another tenant is not found, not cancelled and not redriven", async () => {
  const id = await enqueue("tests.later", { does: "finish" });
  const key = api.key.stranger;
  for (const [path, method] of [
    [`/v1/jobs/${id}`, "GET"],
    [`/v1/jobs/${id}?wait=1s`, "GET"],
    [`/v1/jobs/${id}/events`, "GET"],
    [`/v1/jobs/${id}`, "DELETE"],
    [`/v1/jobs/${id}/redrive`, "POST"],
  ] as const) {
    const { status, body } = await api.ask(path, { method, key });
    assert.deepEqual([method, path, status, body.code], [method, path, 404, "job_not_found"]);
  }
  assert.equal((await api.ask(`/v1/jobs/${id}`)).body.state, "queued");
});

test("a waiting job is cancelled at once and leaves its engine; a second cancel is 409", async () => {
  const id = await enqueue("tests.later", { does: "finish" });
  await api.rig.until(async () => (await api.rig.runtime.redis.find(paused, id))?.state === "waiting");
  const { status, body } = await api.ask(`/v1/jobs/${id}`, { method: "DELETE" });
  assert.deepEqual([status, body.state, body.error.code], [200, "cancelled", "cancelled"]);
  assert.equal(await api.rig.runtime.redis.find(paused, id), null);
  const again = await api.ask(`/v1/jobs/${id}`, { method: "DELETE" });
  assert.deepEqual([again.status, again.body.code], [409, "job_already_ended"]);
});

test("a running job is asked to stop, with 202, and stops", async () => {
  started = gate();
  const id = await enqueue("tests.run", { does: "wait" });
  await started.promise;
  const { status } = await api.ask(`/v1/jobs/${id}`, { method: "DELETE" });
  assert.equal(status, 202);
  const { body } = await api.ask(`/v1/jobs/${id}?wait=1m`);
  assert.equal(body.state, "cancelled", "unasked it would have gone on to its timeout");
});

test("a dead job is redriven by an operator, under the same id, with new attempts", async () => {
  const id = await enqueue("tests.run", { does: "die" });
  const dead = await api.ask(`/v1/jobs/${id}?wait=1m`);
  assert.deepEqual([dead.body.state, dead.body.error.code], ["dead", "broken"]);
  await putAway(queue, id);
  const key = api.key.operator;
  const { status, headers, body } = await api.ask(`/v1/jobs/${id}/redrive`, { method: "POST", key });
  assert.equal(status, 202);
  assert.equal(headers.get("location"), `/v1/jobs/${id}`);
  assert.notEqual(body.state, undefined);
  const again = await api.rig.until(async () => {
    const view = (await api.ask(`/v1/jobs/${id}`)).body;
    return view.state === "dead" && view.attempts.length === 2 ? view : null;
  });
  assert.equal(again.attempts[1].number, 2);
});

test("only dead jobs are redriven; one that is not there is 404", async () => {
  const id = await enqueue("tests.run", { does: "finish" });
  await api.ask(`/v1/jobs/${id}?wait=1m`);
  const key = api.key.operator;
  const notDead = await api.ask(`/v1/jobs/${id}/redrive`, { method: "POST", key });
  assert.deepEqual([notDead.status, notDead.body.code], [409, "job_not_dead"]);
  const missing = await api.ask("/v1/jobs/0193a1de-7a53-7cc1-9d6e-2f1f3a5b7c90/redrive", { method: "POST", key });
  assert.deepEqual([missing.status, missing.body.code], [404, "job_not_found"]);
  const producer = await api.ask(`/v1/jobs/${id}/redrive`, { method: "POST" });
  assert.deepEqual([producer.status, producer.body.code], [403, "forbidden"]);
});

test("a dead job that its engine still holds is 409, and is redriven once it has let go", async () => {
  held = gate();
  const id = await enqueue("tests.run", { does: "hold" });
  await api.rig.until(async () => (await api.ask(`/v1/jobs/${id}`)).body.state === "running");
  await api.rig.runtime.ledger.bury(id, { code: "tests_buried", message: "Given up while its engine holds it" });
  const redrive = () => api.ask(`/v1/jobs/${id}/redrive`, { method: "POST", key: api.key.operator });
  const refused = await redrive();
  assert.deepEqual([refused.status, refused.body.code], [409, "job_settling"]);
  held.open();
  await api.rig.until(async () => (await redrive()).status === 202);
  assert.equal((await api.ask(`/v1/jobs/${id}?wait=1m`)).body.state, "completed");
});

test("of two who redrive the same dead job one succeeds", async () => {
  const id = await enqueue("tests.run", { does: "die" });
  await putAway(queue, id);
  const redrive = () => api.ask(`/v1/jobs/${id}/redrive`, { method: "POST", key: api.key.operator });
  const both = (await Promise.all([redrive(), redrive()])).map(({ status }) => status).sort();
  assert.ok(both[0] === 202, `${both}`); // the second may meet the job dead again, and is then right to redrive it
  await api.rig.until(async () => (await api.ask(`/v1/jobs/${id}`)).body.state === "dead");
});

test("a job that only Redis knows is read, waited for and hidden from others like any other", async () => {
  const id = await enqueue("tests.quick", { does: "finish", say: "hi" });
  assert.equal(await api.rig.runtime.reader.find(null, id), null);
  const { body } = await api.ask(`/v1/jobs/${id}?wait=1m`);
  assert.deepEqual(
    [body.state, body.result, body.queue, body.job],
    ["completed", { said: "hi" }, "fleeting", "tests.quick"],
  );
  assert.deepEqual(
    body.attempts.map((a: { outcome: string }) => a.outcome),
    ["completed"],
  );
  assert.equal((await api.ask(`/v1/jobs/${id}`, { key: api.key.stranger })).status, 404);
  assert.equal((await api.ask(`/v1/jobs/${id}`, { key: api.key.everyone })).status, 200);
});

test("a job that only Redis knows is cancelled while it waits, and not once it has ended", async () => {
  const waiting = await enqueue("tests.quick-later", { does: "finish" });
  const cancelled = await api.ask(`/v1/jobs/${waiting}`, { method: "DELETE" });
  assert.deepEqual([cancelled.status, cancelled.body.state], [200, "cancelled"]);
  assert.equal((await api.ask(`/v1/jobs/${waiting}`)).status, 404);

  held = gate();
  const running = await enqueue("tests.quick", { does: "hold" });
  await api.rig.until(async () => (await api.ask(`/v1/jobs/${running}`)).body.state === "running");
  const refused = await api.ask(`/v1/jobs/${running}`, { method: "DELETE" });
  assert.deepEqual([refused.status, refused.body.code], [409, "job_is_running"]);
  held.open();
  await api.ask(`/v1/jobs/${running}?wait=1m`);
  const ended = await api.ask(`/v1/jobs/${running}`, { method: "DELETE" });
  assert.deepEqual([ended.status, ended.body.code], [409, "job_already_ended"]);
});

test("a dead letter of a queue in Redis alone is kept by the ledger, and redriven from there", async () => {
  const id = await enqueue("tests.quick", { does: "die" });
  await api.rig.until(async () => (await api.rig.runtime.reader.find(null, id))?.state === "dead");
  assert.equal((await api.ask(`/v1/jobs/${id}`)).body.error.code, "broken");
  await putAway(fleeting, id);
  assert.equal((await api.ask(`/v1/jobs/${id}/redrive`, { method: "POST", key: api.key.operator })).status, 202);
  const view = await api.rig.until(async () => {
    const { body } = await api.ask(`/v1/jobs/${id}`);
    return body.state === "dead" && body.attempts.length > 0 ? body : null;
  });
  assert.equal(view.error.code, "broken");
});

test("what can be enqueued is listed with schemas and policies", async () => {
  const { status, body } = await api.ask("/v1/job-types", { key: api.key.viewer });
  assert.equal(status, 200);
  const type = body.items.find(({ job }: { job: string }) => job === "tests.quick");
  assert.equal(type.queue, "fleeting");
  assert.equal(type.policies.durability, "redis");
  assert.equal(type.payload.type, "object");
  assert.deepEqual(type.retry, { kind: "fixed", attempts: 3, delayMs: 20 });
});
