import assert from "node:assert/strict";
import { Redis } from "ioredis";
import { inject, test } from "vitest";
import { type RedisEngine, redisPrefix } from "../../src/engines/redis.ts";
import { conform } from "./conformance.ts";
import { Stage } from "./stage.ts";
import { newMessage, newScope } from "./subject.ts";

const url = inject("redisUrl");
const scope = newScope();

async function redis(work: (client: Redis) => Promise<unknown>): Promise<void> {
  const client = new Redis(url);
  await work(client).finally(() => client.disconnect());
}

const stage = new Stage({ kind: "redis", url, scope }, (queue, id) =>
  redis((client) => client.del(`${redisPrefix(scope, queue.name)}:${queue.name}:${id}:lock`)),
);
conform(stage, () =>
  redis(async (client) => {
    for await (const keys of client.scanStream({ match: `{${scope}:*`, count: 1_000 }))
      if (keys.length > 0) await client.unlink(...keys);
  }),
);

test("a job whose place in Redis was lost is told as stray, blocks its id, and can be forgotten", async () => {
  const queue = await stage.open();
  const message = newMessage();
  await stage.dispatch(queue, message);
  await redis((client) => client.del(`${redisPrefix(scope, queue.name)}:${queue.name}:prioritized`));
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
  await redis(async (client) => client.del(await client.keys(`${redisPrefix(scope, queue.name)}:*`)));
  for (let n = 0; n < 2; n++) await worker.erred(); // its lock could not be renewed, and not the next time either
  assert.equal(delivery.lost.aborted, false);
  delivery.settle({ kind: "complete" });
  await stage.dispatch(queue, next);
  assert.equal((await worker.do({ kind: "complete" })).id, next.id, "and its slot is free again");
});

test("what waits without a priority, as stalled jobs do, is counted among the waiting", async () => {
  const queue = await stage.open();
  const ids = Array.from({ length: 1_100 }, () => newMessage().id);
  const data = { tenant: "acme", attempts: 1 };
  const jobs = ids.map((jobId) => ({ name: "tests.do-nothing", data, opts: { jobId } }));
  await (stage.engine as RedisEngine).queue(queue).addBulk(jobs);
  const seen: string[] = [];
  for (let cursor: string | null = null, more = true; more; ) {
    const page = await stage.engine.waiting(queue, cursor);
    seen.push(...page.ids);
    cursor = page.next;
    more = cursor !== null;
  }
  assert.deepEqual(seen.sort(), ids.sort());
  assert.equal((await stage.engine.holds(queue, ids)).get(ids[7]!), "waiting");
});
