import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "vitest";
import type { QueueDefinition } from "#core/queue.ts";
import { refused, type Stage } from "./stage.ts";
import { newMessage } from "./subject.ts";

/**
 * What an engine says it holds, for those who compare it with the ledger, and pauses. Seen to fail with one of the lists
 * left out, and with a `claim` that does not look whether the queue is paused.
 */
export function censusConforms(stage: Stage): void {
  test("every job that is held is told with its state, and no other", async () => {
    const queue = await stage.open({ concurrency: 1 });
    const [completed, failed, retrying, active] = [newMessage(), newMessage(), newMessage(), newMessage()];
    const worker = await stage.start(queue);
    await stage.dispatch(queue, completed);
    await worker.do({ kind: "complete" });
    await stage.dispatch(queue, failed);
    await worker.do({ kind: "dead", error: refused });
    await stage.dispatch(queue, retrying);
    await worker.do({ kind: "retry", delayMs: 60_000, error: refused });
    await stage.dispatch(queue, active);
    const delivery = await worker.next();
    const [waiting, delayed] = [newMessage(), newMessage({ delayMs: 60_000 })];
    await stage.dispatch(queue, waiting, delayed); // the only slot is taken

    const known = [completed, failed, retrying, active, waiting, delayed].map(({ id }) => id);
    const held = await stage.engine.holds(queue, [randomUUID(), ...known, randomUUID()]);
    assert.deepEqual(
      known.map((id) => held.get(id)),
      ["completed", "failed", "delayed", "active", "waiting", "delayed"],
    );
    assert.equal(held.size, known.length);
    assert.equal((await stage.engine.holds(queue, [])).size, 0);
    delivery.settle({ kind: "complete" });
    await worker.do({ kind: "complete" });
  });

  test("all that waits is seen page by page, and nothing else", async () => {
    const queue = await stage.open();
    const worker = await stage.start(queue);
    const running = newMessage();
    await stage.dispatch(queue, running);
    const delivery = await worker.next();
    const waiting = [
      ...Array.from({ length: 1_300 }, () => newMessage()),
      ...Array.from({ length: 1_100 }, () => newMessage({ delayMs: 60_000 })),
    ];
    await stage.dispatch(queue, ...waiting);
    const seen = await allWaiting(stage, queue);
    assert.deepEqual([...new Set(seen)].sort(), waiting.map(({ id }) => id).sort());
    delivery.settle({ kind: "release" });
    await worker.stop();
    assert.ok((await allWaiting(stage, queue)).includes(running.id), "a released one waits again");
  });

  test("of an empty queue nothing waits", async () => {
    assert.deepEqual(await allWaiting(stage, await stage.open()), []);
  });

  test("a paused queue is claimed from by nobody; what runs goes on; resumed, it goes on", async () => {
    const queue = await stage.open({ concurrency: 2 });
    const [running, waiting] = [newMessage(), newMessage()];
    const worker = await stage.start(queue);
    await stage.dispatch(queue, running);
    const delivery = await worker.next();
    assert.equal(await stage.engine.isPaused(queue), false);
    await stage.engine.pause(queue);
    await stage.engine.pause(queue);
    assert.equal(await stage.engine.isPaused(queue), true);
    await stage.dispatch(queue, waiting);
    const late = await stage.start(queue); // a consumer that comes after the pause obeys it too
    delivery.settle({ kind: "complete" });
    await stage.settledAs(queue, running.id, "completed");
    assert.deepEqual([...worker.untaken, ...late.untaken], []);
    assert.equal((await stage.engine.holds(queue, [waiting.id])).get(waiting.id), "waiting");

    await stage.engine.resume(queue);
    await stage.engine.resume(queue);
    assert.equal(await stage.engine.isPaused(queue), false);
    const { id } = await Promise.race([worker.do({ kind: "complete" }), late.do({ kind: "complete" })]);
    assert.equal(id, waiting.id);
  });
}

async function allWaiting(stage: Stage, queue: QueueDefinition): Promise<string[]> {
  const ids: string[] = [];
  let cursor: string | null = null;
  do {
    const page = await stage.engine.waiting(queue, cursor);
    ids.push(...page.ids);
    cursor = page.next;
  } while (cursor !== null);
  return ids;
}
