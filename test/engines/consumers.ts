import assert from "node:assert/strict";
import { onTestFinished, test } from "vitest";
import type { Stage } from "./stage.ts";
import { newMessage } from "./subject.ts";

/** Slots, sharing, pausing and stopping. */
export function consumersConform(stage: Stage): void {
  test("no more deliveries are in hand than the queue has slots", async () => {
    const queue = await stage.open({ concurrency: 3 });
    await stage.dispatch(queue, ...Array.from({ length: 10 }, () => newMessage()));
    const worker = await stage.start(queue);
    for (let done = 0; done < 10; done++) {
      const delivery = await worker.next();
      assert.ok(worker.consumer.running <= 3);
      assert.ok((await stage.engine.counts(queue)).active <= 3);
      if (done === 2) assert.equal(worker.consumer.running, 3);
      if (done >= 2) delivery.settle({ kind: "complete" });
      else onTestFinished(() => delivery.settle({ kind: "complete" }));
    }
  });

  test("two consumers share a queue, and each job goes to one of them", async () => {
    const queue = await stage.open({ concurrency: 5 });
    const messages = Array.from({ length: 40 }, () => newMessage());
    await stage.dispatch(queue, ...messages);
    const workers = [await stage.start(queue), await stage.start(queue)];
    const ran: string[] = [];
    const all = Promise.withResolvers<void>();
    for (const worker of workers)
      void (async () => {
        for (;;) {
          ran.push((await worker.do({ kind: "complete" })).id);
          if (ran.length === messages.length) all.resolve();
        }
      })();
    await all.promise;
    for (const worker of workers) await worker.stop();
    assert.deepEqual(ran.toSorted(), messages.map(({ id }) => id).toSorted());
    assert.deepEqual(await stage.counts(queue), { waiting: 0, delayed: 0, active: 0, failed: 0 });
  });

  test("a paused consumer begins nothing new and finishes what it holds", async () => {
    const queue = await stage.open({ concurrency: 2 });
    const worker = await stage.start(queue);
    const message = newMessage();
    await stage.dispatch(queue, message);
    const delivery = await worker.next();
    await worker.consumer.pause();
    await stage.dispatch(queue, newMessage());
    assert.equal(worker.consumer.running, 1);

    let stopped = false;
    const stopping = worker.stop().then(() => {
      stopped = true;
    });
    assert.equal((await stage.engine.find(queue, message.id))?.state, "active");
    assert.equal(stopped, false, "stop waits for the delivery in hand");
    delivery.settle({ kind: "complete" });
    await stopping;
    assert.equal(worker.consumer.running, 0);
    assert.equal((await stage.engine.find(queue, message.id))?.state, "completed");
    assert.equal((await stage.engine.counts(queue)).waiting, 1);
    assert.deepEqual(worker.untaken, []);
  });

  test("stopping twice, or before the start, is safe", async () => {
    const queue = await stage.open();
    const idle = stage.hire(queue);
    await idle.stop();
    await idle.stop();
    const worker = await stage.start(queue);
    await Promise.all([worker.stop(), worker.stop()]);
  });
}
