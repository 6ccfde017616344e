import assert from "node:assert/strict";
import { test } from "vitest";
import { assertWaited, refused, type Stage } from "./stage.ts";
import { newMessage } from "./subject.ts";

/** What becomes of a message on its way to a worker. */
export function dispatchConforms(stage: Stage): void {
  test("a message reaches a worker as it was sent and ends completed", async () => {
    const queue = await stage.open();
    const message = newMessage({ traceparent: "00-1-2-03", deduplicationKey: "k", acceptedAt: Date.now() - 5_000 });
    await stage.dispatch(queue, message);
    assert.equal((await stage.engine.find(queue, message.id))?.state, "waiting");
    assert.deepEqual(await stage.counts(queue), { waiting: 1, delayed: 0, active: 0, failed: 0 });

    const worker = await stage.start(queue);
    const delivery = await worker.next();
    const { delayMs: _delayMs, priority: _priority, ...sent } = message;
    assert.deepEqual(delivery.message, sent);
    assert.equal(delivery.spent, 0);
    assert.equal(worker.consumer.running, 1);
    assert.equal((await stage.engine.find(queue, message.id))?.state, "active");
    assert.deepEqual(await stage.counts(queue), { waiting: 0, delayed: 0, active: 1, failed: 0 });

    delivery.settle({ kind: "complete" });
    await worker.stop();
    const job = await stage.engine.find(queue, message.id);
    assert.equal(job?.state, "completed");
    assert.equal(job?.spent, 1);
    assert.deepEqual(job?.message, sent);
    assert.equal(job?.acceptedAt, message.acceptedAt);
    assert.ok(job?.startedAt && job.finishedAt && job.startedAt <= job.finishedAt);
    assert.deepEqual(await stage.counts(queue), { waiting: 0, delayed: 0, active: 0, failed: 0 });
  });

  test("a worker that waits already gets what arrives", async () => {
    const queue = await stage.open();
    const worker = await stage.start(queue);
    const arriving = worker.do({ kind: "complete" });
    const message = newMessage();
    await stage.dispatch(queue, message);
    assert.equal((await arriving).id, message.id);
  });

  test("a queue in the order of arrival is in the order of arrival, also when a worker comes late or was slow", async () => {
    const queue = await stage.open({ order: "fifo" });
    const messages = Array.from({ length: 12 }, () => newMessage());
    await stage.dispatch(queue, ...messages.slice(0, 6));
    const worker = await stage.start(queue);
    const ran = [(await worker.do({ kind: "complete" })).id];
    await stage.dispatch(queue, ...messages.slice(6));
    while (ran.length < messages.length) ran.push((await worker.do({ kind: "complete" })).id);
    assert.deepEqual(
      ran,
      messages.map(({ id }) => id),
    );
  });

  test("high runs before normal before low, and within a priority the first comes first", async () => {
    const queue = await stage.open({ order: "priority" });
    const batch = (["low", "normal", "high"] as const).flatMap((priority) =>
      Array.from({ length: 5 }, () => newMessage({ priority })),
    );
    const later = (["low", "normal", "high"] as const).map((priority) => newMessage({ priority }));
    await stage.dispatch(queue, ...batch);
    await stage.dispatch(queue, ...later);
    const all = [...batch, ...later];
    const expected = (["high", "normal", "low"] as const).flatMap((level) =>
      all.filter(({ priority }) => priority === level).map(({ id }) => id),
    );

    const worker = await stage.start(queue);
    const ran: string[] = [];
    for (const _ of expected) ran.push((await worker.do({ kind: "complete" })).id);
    assert.deepEqual(ran, expected);
  });

  test("a batch of more than a thousand is taken whole", async () => {
    const queue = await stage.open();
    await stage.dispatch(queue, ...Array.from({ length: 1_205 }, () => newMessage()));
    assert.equal((await stage.engine.counts(queue)).waiting, 1_205);
    assert.deepEqual(await stage.engine.dispatch(queue, []), []);
  });

  test("a delayed message waits for its time", async () => {
    const queue = await stage.open();
    const worker = await stage.start(queue);
    const message = newMessage({ delayMs: 700 });
    const dispatchedAt = Date.now();
    await stage.dispatch(queue, message);
    assert.equal((await stage.engine.find(queue, message.id))?.state, "delayed");
    assert.deepEqual(await stage.counts(queue), { waiting: 0, delayed: 1, active: 0, failed: 0 });
    assertWaited((await worker.do({ kind: "complete" })).at - dispatchedAt, 700);
  });

  test("an id that the engine holds is left as it is: waiting, running and ended", async () => {
    const queue = await stage.open();
    const message = newMessage();
    await stage.dispatch(queue, message, message, newMessage({ delayMs: 60_000 }));
    await stage.dispatch(queue, { ...message, attempts: 99 });
    assert.deepEqual(await stage.counts(queue), { waiting: 1, delayed: 1, active: 0, failed: 0 });

    const worker = await stage.start(queue);
    const delivery = await worker.next();
    assert.equal(delivery.message.attempts, message.attempts);
    await stage.dispatch(queue, message);
    delivery.settle({ kind: "dead", error: refused });
    await worker.stop();
    await stage.dispatch(queue, message);
    assert.equal((await stage.engine.find(queue, message.id))?.state, "failed");
    assert.deepEqual(await stage.counts(queue), { waiting: 0, delayed: 1, active: 0, failed: 1 });
    assert.deepEqual(worker.untaken, []);
  });

  test("a message that cannot be held is refused alone", async () => {
    const queue = await stage.open();
    const [first, last] = [newMessage(), newMessage()];
    const results = await stage.engine.dispatch(queue, [first, newMessage({ id: "not:an:id:at:all" }), last]);
    assert.deepEqual(
      results.map((result) => (result.ok ? result.id : result.error instanceof Error)),
      [first.id, true, last.id],
    );
    assert.equal((await stage.engine.counts(queue)).waiting, 2);
  });

  test.runIf(stage.address.kind === "redis")("a living duplicate by key is joined", async () => {
    const queue = await stage.open({ durability: "redis" });
    const [first, second] = [newMessage({ deduplicationKey: "k" }), newMessage({ deduplicationKey: "k" })];
    const elsewhere = newMessage({ deduplicationKey: "k", tenant: "globex" });
    await stage.dispatch(queue, first);
    assert.deepEqual(await stage.engine.dispatch(queue, [second, elsewhere]), [
      { ok: true, id: first.id },
      { ok: true, id: elsewhere.id },
    ]);
    const worker = await stage.start(queue);
    await worker.do({ kind: "complete" });
    await worker.do({ kind: "complete" });
    await worker.stop();
    await stage.dispatch(queue, second); // the first one has ended
  });
}
