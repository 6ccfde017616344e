import assert from "node:assert/strict";
import { afterAll, beforeAll, test } from "vitest";
import { readEvents, type ServerEvent } from "../../src/client/event-stream.ts";
import type { HandlerContext } from "../../src/core/handler.ts";
import { gate, testJob, testQueue } from "../rig/jobs.ts";
import { type Served, serve } from "./served.ts";

const queue = testQueue();
const unserved = testQueue({ name: "unserved" });
const fleeting = testQueue({ name: "fleeting", durability: "redis" });
let running = gate<HandlerContext>();
let finish = gate();
const handle = async (_payload: unknown, ctx: HandlerContext) => {
  running.open(ctx);
  await finish.promise;
  return "done";
};
const run = testJob(handle, { queue });
const later = testJob(handle, { queue: unserved, name: "tests.later" });
const quick = testJob(handle, { queue: fleeting, name: "tests.quick" });

let api: Served;
beforeAll(async () => {
  api = await serve({ jobs: [run, later, quick] });
  await api.rig.work([queue, fleeting]);
});
afterAll(() => api[Symbol.asyncDispose]());

const enqueue = async (job = "tests.run"): Promise<string> => {
  running = gate();
  finish = gate();
  return (await api.ask(`/v1/jobs/${job}`, { json: { payload: { secret: "payload" } } })).body.id;
};

interface Stream {
  readonly response: Response;
  readonly events: AsyncGenerator<ServerEvent, void>;
  next(): Promise<{ id: string | undefined; event: string; job: Record<string, never> } | undefined>;
}

async function open(id: string, lastEventId?: string, signal?: AbortSignal): Promise<Stream> {
  const response = await api.fetch(`/v1/jobs/${id}/events`, {
    headers: lastEventId === undefined ? {} : { "last-event-id": lastEventId },
    ...(signal && { signal }),
  });
  const events = readEvents(response.body!);
  return {
    response,
    events,
    async next() {
      const { value, done } = await events.next();
      return done ? undefined : { id: value.id, event: value.event, job: JSON.parse(value.data) };
    },
  };
}

test("a reader is told the present, each change, the progress and the end, and then the stream is over", async () => {
  const id = await enqueue("tests.later");
  const stream = await open(id);
  assert.equal(stream.response.headers.get("content-type"), "text/event-stream");
  assert.equal(stream.response.headers.get("cache-control"), "no-store");
  const present = (await stream.next())!;
  assert.ok(["accepted", "queued"].includes(present.event), present.event);
  assert.equal(present.id, `${present.job.revision}-${present.event}`);
  assert.equal("payload" in present.job, false);

  await api.rig.work([unserved]);
  const ctx = await running.promise;
  let event = (await stream.next())!;
  while (event.event !== "running") event = (await stream.next())!;
  ctx.progress(0.5, "half");
  event = (await stream.next())!;
  assert.equal(event.event, "progress");
  assert.deepEqual(event.job.progress, { fraction: 0.5, note: "half" });
  finish.open();
  event = (await stream.next())!;
  assert.equal(event.event, "completed");
  assert.equal(event.job.result, "done");
  assert.equal(await stream.next(), undefined);
  await api.rig.until(() => api.server.watch.waiting === 0);
});

test("Last-Event-ID: the present comes only to whom it is new, and an end that was seen is not told again", async () => {
  const id = await enqueue();
  await running.promise;
  const first = await open(id);
  const present = (await first.next())!;
  await first.events.return();

  const resumed = await open(id, present.id);
  finish.open();
  const end = (await resumed.next())!;
  assert.equal(end.event, "completed");

  const stale = await open(id, "1");
  assert.equal((await stale.next())?.event, "completed");
  assert.equal((await api.fetch(`/v1/jobs/${id}/events`, { headers: { "last-event-id": end.id! } })).status, 204);
});

// Seen to fail when an event's id is the revision alone: 204, and the reader never learns of the end.
test("a reader who saw progress that Postgres then forgot is told of the end, which has the same revision", async () => {
  const id = await enqueue();
  await running.promise;
  const { database } = api.rig.runtime;
  const move = (by: number) =>
    database.executeSql(`update ${api.rig.schema}.jobs set revision = revision + $2 where id = $1 returning revision`, [
      id,
      by,
    ]);
  await move(+1);
  const before = await open(id);
  const seen = (await before.next())!;
  await before.events.return();
  await move(-1); // what a killed Postgres leaves of it
  finish.open();
  await api.rig.settled(id);
  const resumed = await open(id, seen.id);
  const end = (await resumed.next())!;
  assert.deepEqual([end.event, end.job.revision], ["completed", seen.job.revision]);
});

test("a reader that leaves is forgotten", async () => {
  const id = await enqueue();
  await running.promise;
  const gone = new AbortController();
  const stream = await open(id, undefined, gone.signal);
  await stream.next();
  assert.equal(api.server.watch.waiting, 1);
  gone.abort();
  await api.rig.until(() => api.server.watch.waiting === 0);
  finish.open();
  await api.rig.settled(id);
});

test("many readers of one job are all told", async () => {
  const id = await enqueue();
  await running.promise;
  const streams = await Promise.all(Array.from({ length: 40 }, () => open(id)));
  await Promise.all(streams.map((stream) => stream.next()));
  finish.open();
  const ends = await Promise.all(streams.map((stream) => stream.next()));
  assert.deepEqual([...new Set(ends.map((end) => end?.event))], ["completed"]);
});

test("a job that only Redis knows has events too", async () => {
  const id = await enqueue("tests.quick");
  await running.promise;
  const stream = await open(id);
  const present = (await stream.next())!;
  assert.equal(present.event, "running");
  finish.open();
  assert.equal((await stream.next())?.event, "completed");
  assert.equal(await stream.next(), undefined);
});

test("HEAD answers at once and leaves nothing behind", async () => {
  const id = await enqueue();
  await running.promise;
  const { status, headers } = await api.ask(`/v1/jobs/${id}/events`, { method: "HEAD" });
  assert.deepEqual([status, headers.get("content-type")], [200, "text/event-stream"]);
  assert.equal(api.server.watch.waiting, 0);
  finish.open();
});

test("events of a job that is not there are 404, as a problem", async () => {
  const { status, body } = await api.ask("/v1/jobs/0193a1de-7a53-7cc1-9d6e-2f1f3a5b7c90/events");
  assert.deepEqual([status, body.code], [404, "job_not_found"]);
});
