import assert from "node:assert/strict";
import { Redis } from "ioredis";
import { inject, test } from "vitest";
import { redisPrefix } from "../../src/engines/redis.ts";
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
  const key = `${redisPrefix(scope, queue.name)}:${queue.name}:${message.id}`;
  await redis((client) => client.del(key, `${key}:lock`));
  for (let n = 0; n < 2; n++) await worker.erred(); // its lock could not be renewed, and not the next time either
  assert.equal(delivery.lost.aborted, false);
  delivery.settle({ kind: "complete" });
  await stage.dispatch(queue, next);
  assert.equal((await worker.do({ kind: "complete" })).id, next.id, "and its slot is free again");
});
