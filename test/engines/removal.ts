import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "vitest";
import { refused, type Stage } from "./stage.ts";
import { newMessage } from "./subject.ts";

/** Taking jobs out of a queue from outside: cancel and redrive. */
export function removalConforms(stage: Stage): void {
  test("a waiting and a delayed job can be taken out; a running one cannot", async () => {
    const queue = await stage.open();
    const [running, waiting, delayed] = [newMessage(), newMessage(), newMessage({ delayMs: 60_000 })];
    await stage.dispatch(queue, running);
    const worker = await stage.start(queue);
    const delivery = await worker.next();
    await stage.dispatch(queue, waiting, delayed);
    assert.equal(await stage.engine.remove(queue, running.id), false);
    assert.equal(await stage.engine.remove(queue, waiting.id), true);
    assert.equal(await stage.engine.remove(queue, delayed.id), true);
    assert.equal(await stage.engine.remove(queue, waiting.id), false);
    assert.equal(await stage.engine.remove(queue, randomUUID()), false);
    assert.deepEqual(await stage.counts(queue), { waiting: 0, delayed: 0, active: 1, failed: 0 });
    delivery.settle({ kind: "complete" });
    await worker.stop();
    assert.equal(await stage.engine.remove(queue, running.id), false);
    assert.deepEqual(worker.untaken, []);
  });

  test("a job waiting for its retry can be taken out", async () => {
    const queue = await stage.open();
    const message = newMessage();
    await stage.dispatch(queue, message);
    const worker = await stage.start(queue);
    await worker.do({ kind: "retry", delayMs: 60_000, error: refused });
    await worker.stop();
    assert.equal(await stage.engine.remove(queue, message.id), true);
    assert.equal(await stage.engine.find(queue, message.id), null);
  });

  test("only an ended job is forgotten", async () => {
    const queue = await stage.open();
    const [message, unknown] = [newMessage(), randomUUID()];
    await stage.dispatch(queue, message);
    assert.equal(await stage.engine.forget(queue, message.id), false);
    assert.equal(await stage.engine.forget(queue, unknown), false);
    assert.equal(await stage.engine.find(queue, unknown), null);
    const worker = await stage.start(queue);
    const delivery = await worker.next();
    assert.equal(await stage.engine.forget(queue, message.id), false);
    delivery.settle({ kind: "complete" });
    await worker.stop();
    assert.equal(await stage.engine.forget(queue, message.id), true);
  });
}
