import assert from "node:assert/strict";
import { test } from "vitest";
import { conform } from "./conformance.ts";
import { RedisScope } from "./redis-scope.ts";
import { newMessage } from "./subject.ts";

/** The same engine, where BullMQ keeps what waits in a list instead of a sorted set. */
const redis = new RedisScope("fifo");
const { stage } = redis;
conform(stage, () => redis.cleanUp());

test("a backlog of several pages is told as waiting, and what was lost out of its middle as stray", async () => {
  const queue = await stage.open();
  const messages = Array.from({ length: 2_400 }, () => newMessage());
  await stage.dispatch(queue, ...messages);
  const ids = messages.map(({ id }) => id);
  const [lost, newest] = [ids[900]!, ids.at(-1)!];
  await redis.ask((client) => client.lrem(redis.key(queue, "wait"), 1, lost));
  const held = await stage.engine.holds(queue, ids);
  assert.equal(held.size, ids.length);
  assert.deepEqual(
    [...held].filter(([, state]) => state !== "waiting"),
    [[lost, "stray"]],
  );
  assert.deepEqual([...(await stage.engine.holds(queue, [newest]))], [[newest, "waiting"]]);
});

test("a job that is claimed while the backlog is read is never told as stray, whatever was read of it before", async () => {
  const queue = await stage.open({ concurrency: 50 });
  const messages = Array.from({ length: 3_000 }, () => newMessage());
  await stage.dispatch(queue, ...messages);
  const ids = messages.map(({ id }) => id);
  const worker = await stage.start(queue);
  const looks: string[][] = [];
  let over = false;
  const looking = (async () => {
    while (!over) looks.push([...(await stage.engine.holds(queue, ids)).values()]);
  })();
  for (let done = 0; done < ids.length; done += 1) await worker.do({ kind: "complete" });
  over = true;
  await looking;
  assert.ok(looks[0]!.includes("waiting"));
  assert.ok(!looks.flat().includes("stray"));
});

test("of a flood, what the ledger knows leaves Redis with its end but for a sample; what only Redis knows stays", async () => {
  const messages = Array.from({ length: 300 }, () => newMessage());
  const kept = async (durability: "ledger" | "redis") => {
    const queue = await stage.open({ durability, concurrency: 50 });
    await stage.dispatch(queue, ...messages);
    const worker = await stage.start(queue);
    for (let done = 0; done < messages.length; done += 1) await worker.do({ kind: "complete" });
    await worker.stop();
    return (
      await stage.engine.holds(
        queue,
        messages.map(({ id }) => id),
      )
    ).size;
  };
  assert.equal(await kept("redis"), messages.length);
  const second = () => Math.floor(performance.now() / 1_000);
  const began = second();
  const shown = await kept("ledger");
  const most = 50 * (second() - began + 1);
  assert.ok(shown >= 50 && shown <= most, `expected 50 to ${most} of ${messages.length}, found ${shown}`);
});
