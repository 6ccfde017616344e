import assert from "node:assert/strict";
import { test } from "vitest";
import type { QueueDefinition } from "#core/queue.ts";
import { refused, type Stage } from "./stage.ts";
import { newMessage } from "./subject.ts";

/** How old the oldest job is that nobody takes. */
export function countsConform(stage: Stage): void {
  /** The age in ms, and that it is about what is expected: a clock's tick less, a slow machine more. */
  async function assertAge(queue: QueueDefinition, expectedMs: number): Promise<void> {
    const { oldestWaitingMs } = await stage.engine.counts(queue);
    const found = `expected about ${expectedMs} ms, found ${oldestWaitingMs}`;
    assert.ok(oldestWaitingMs >= expectedMs - 50 && oldestWaitingMs < expectedMs + 30_000, found);
  }
  const ago = (ms: number) => Date.now() - ms;
  const exactlyNone = async (queue: QueueDefinition) =>
    assert.equal((await stage.engine.counts(queue)).oldestWaitingMs, 0);

  test("the oldest waiting job is the one that was accepted first, whatever its priority", async () => {
    const queue = await stage.open({ order: "priority" });
    await exactlyNone(queue);
    await stage.dispatch(
      queue,
      newMessage({ priority: "high", acceptedAt: ago(60_000) }),
      newMessage({ priority: "low", acceptedAt: ago(600_000) }),
      newMessage({ priority: "normal", acceptedAt: ago(120_000) }),
    );
    await assertAge(queue, 600_000);
  });

  test("in a queue in the order of arrival it is the next one", async () => {
    const queue = await stage.open({ order: "fifo" });
    for (const ms of [600_000, 120_000, 60_000]) await stage.dispatch(queue, newMessage({ acceptedAt: ago(ms) }));
    await assertAge(queue, 600_000);
    const worker = await stage.start(queue);
    await worker.do({ kind: "complete" });
    const second = await worker.next();
    await assertAge(queue, 60_000);
    second.settle({ kind: "complete" });
    await worker.do({ kind: "complete" });
    await exactlyNone(queue);
  });

  test("what a worker holds, what has ended and what is not due yet have no age", async () => {
    const queue = await stage.open();
    await stage.dispatch(
      queue,
      newMessage({ acceptedAt: ago(60_000) }),
      newMessage({ acceptedAt: ago(30_000), delayMs: 90_000 }),
    );
    await assertAge(queue, 60_000);
    const worker = await stage.start(queue);
    const delivery = await worker.next();
    await exactlyNone(queue);
    delivery.settle({ kind: "dead", error: refused });
    await worker.stop();
    await exactlyNone(queue);
  });

  test("a retry is due when its delay is over, also while no worker is there", async () => {
    const queue = await stage.open();
    const message = newMessage({ acceptedAt: ago(600_000) });
    await stage.dispatch(queue, message);
    const worker = await stage.start(queue);
    await worker.do({ kind: "retry", delayMs: 60_000, error: refused });
    await worker.stop();
    await exactlyNone(queue);

    const hasty = await stage.open();
    await stage.dispatch(hasty, message);
    const other = await stage.start(hasty);
    await other.do({ kind: "retry", delayMs: 0, error: refused });
    await other.do({ kind: "snooze", delayMs: 30 });
    await other.stop();
    let oldestWaitingMs = 0;
    while (oldestWaitingMs === 0) ({ oldestWaitingMs } = await stage.engine.counts(hasty));
    assert.ok(oldestWaitingMs < 300_000, `due since a moment ago, not since it was accepted: ${oldestWaitingMs}`);
  });

  test("a released job has been due all the while", async () => {
    const queue = await stage.open();
    await stage.dispatch(queue, newMessage({ acceptedAt: ago(600_000) }));
    const draining = await stage.start(queue);
    const taken = await draining.next();
    const stopped = draining.stop();
    taken.settle({ kind: "release" });
    await stopped;
    await assertAge(queue, 600_000);
  });
}
