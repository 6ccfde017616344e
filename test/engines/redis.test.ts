import assert from "node:assert/strict";
import { test } from "vitest";
import { conform } from "./conformance.ts";
import { RedisScope } from "./redis-scope.ts";
import { refused } from "./stage.ts";
import { newMessage } from "./subject.ts";

const redis = new RedisScope("priority");
const { stage } = redis;
conform(stage, () => redis.cleanUp());

test("a job whose place in Redis was lost is told as stray, blocks its id, and can be forgotten", async () => {
  const queue = await stage.open();
  const message = newMessage();
  await stage.dispatch(queue, message);
  await redis.ask((client) => client.del(redis.key(queue, "prioritized")));
  assert.equal((await stage.engine.holds(queue, [message.id])).get(message.id), "stray");
  await stage.dispatch(queue, message);
  assert.equal((await stage.engine.counts(queue)).waiting, 0, "ignored: the id is held");
  assert.equal(await stage.engine.forget(queue, message.id), true);
  await stage.dispatch(queue, message);
  assert.equal((await stage.engine.counts(queue)).waiting, 1);
});

test("a job that Redis has forgotten while it ran is not called lost: nobody else can have it", async () => {
  const queue = await stage.open();
  const [message, next] = [newMessage(), newMessage()];
  await stage.dispatch(queue, message);
  const worker = await stage.start(queue);
  const delivery = await worker.next();
  // All of the queue, as FLUSHALL does: a list that still names the job would hand it out again as stalled.
  await redis.ask(async (client) => client.del(await client.keys(redis.key(queue, "*"))));
  for (let n = 0; n < 2; n++) await worker.erred(); // its lock could not be renewed, and not the next time either
  assert.equal(delivery.lost.aborted, false);
  delivery.settle({ kind: "complete" });
  await stage.dispatch(queue, next);
  assert.equal((await worker.do({ kind: "complete" })).id, next.id, "and its slot is free again");
});

test("no stack of a failure is kept in Redis: it could name people, and would outlive the deploy", async () => {
  const queue = await stage.open();
  const message = newMessage();
  await stage.dispatch(queue, message);
  const worker = await stage.start(queue);
  const stack = () => redis.ask((client) => client.hget(redis.key(queue, message.id), "stacktrace"));
  await worker.do({ kind: "retry", delayMs: 0, error: refused });
  await worker.do({ kind: "dead", error: refused });
  await stage.settledAs(queue, message.id, "failed");
  assert.ok(["[]", null].includes(await stack()), `found ${await stack()}`);

  // As BullMQ marks a job that has lost its worker too often: it ends it itself, without asking us.
  await worker.stop();
  const given = newMessage();
  await stage.dispatch(queue, given);
  await redis.ask((client) => client.hset(redis.key(queue, given.id), "defa", "job stalled more than allowable limit"));
  await stage.start(queue);
  await stage.settledAs(queue, given.id, "failed");
  const left = await redis.ask((client) => client.hget(redis.key(queue, given.id), "stacktrace"));
  assert.ok(["[]", null].includes(left), `found ${left}`);
});
