import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { onTestFinished, test } from "vitest";
import type { QueueDefinition } from "#core/queue.ts";
import { refused, type Stage } from "./stage.ts";
import { type EngineAddress, newMessage } from "./subject.ts";

/** Claims that last, claims that run out, and workers that die. */
export function leasesConform(stage: Stage): void {
  test("a delivery that takes longer than its lease stays with its worker", async () => {
    const queue = await stage.open({ leaseMs: 2_000 });
    const message = newMessage();
    await stage.dispatch(queue, message);
    const holder = await stage.start(queue);
    const delivery = await holder.next();
    const other = await stage.start(queue);
    await stage.dispatch(queue, newMessage({ delayMs: 2.5 * queue.leaseMs })); // tells when enough time has passed
    const later = await other.do({ kind: "complete" });
    assert.notEqual(later.id, message.id);
    assert.equal(delivery.lost.aborted, false);
    delivery.settle({ kind: "complete" });
    await holder.stop();
    assert.equal((await stage.engine.find(queue, message.id))?.state, "completed");
  });

  test("a worker that lost its lease is told so, and its verdict changes nothing", async () => {
    const queue = await stage.open({ leaseMs: 3_000 });
    const message = newMessage();
    await stage.dispatch(queue, message);
    const frozen = await stage.start(queue);
    const stale = await frozen.next();
    const lost = new Promise((resolve) => stale.lost.onAbort(resolve));
    const other = await stage.start(queue);
    await stage.lapse(queue, message.id);
    const fresh = await other.next();
    assert.equal(fresh.id, message.id);
    assert.equal(fresh.spent, 0);
    assert.notEqual(fresh.lease, stale.lease);
    await lost;

    stale.settle({ kind: "complete" });
    await frozen.stop();
    assert.equal((await stage.engine.find(queue, message.id))?.state, "active");
    fresh.settle({ kind: "dead", error: refused });
    await other.stop();
    assert.equal((await stage.engine.find(queue, message.id))?.state, "failed");
  });

  test("the job of a killed process is delivered again, unspent", async () => {
    const queue = await stage.open({ leaseMs: 1_000 });
    const message = newMessage();
    await stage.dispatch(queue, message);
    await holdAndDie(stage.address, queue, message.id);
    const worker = await stage.start(queue);
    const delivery = await worker.do({ kind: "complete" });
    assert.equal(delivery.id, message.id);
    assert.equal(delivery.spent, 0);
  });

  test("a lease that is no multiple of three milliseconds is renewed and runs out like any other", async () => {
    const queue = await stage.open({ leaseMs: 1_001 });
    const message = newMessage();
    await stage.dispatch(queue, message);
    await holdAndDie(stage.address, queue, message.id);
    const worker = await stage.start(queue);
    assert.equal((await worker.do({ kind: "complete" })).id, message.id);
    await worker.stop();
    assert.deepEqual(worker.errors, []);
  });

  test("a job that stalls more than maxStalled times is dead", async () => {
    const queue = await stage.open({ leaseMs: 1_000 });
    const message = newMessage();
    await stage.dispatch(queue, message);
    await holdAndDie(stage.address, queue, message.id);
    await holdAndDie(stage.address, queue, message.id);
    const worker = await stage.start(queue);
    const dead = await worker.nextDead();
    assert.equal(dead.id, message.id);
    assert.equal(dead.error.code, "stalled");
    await worker.stop();
    const job = await stage.engine.find(queue, message.id);
    assert.equal(job?.state, "failed");
    assert.equal(job?.error?.code, "stalled");
    assert.deepEqual(worker.untaken, []);
  });
}

/** Start a worker process, wait until it holds the job, and kill it. */
async function holdAndDie(address: EngineAddress, queue: QueueDefinition, id: string): Promise<void> {
  const script = fileURLToPath(new URL("./stall-child.ts", import.meta.url));
  const child = spawn(process.execPath, [script, JSON.stringify({ address, queue })], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  const exited = once(child, "exit");
  createInterface(child.stdout).on("line", (line) => line === `held ${id}` && child.kill("SIGKILL"));
  assert.deepEqual(await exited, [null, "SIGKILL"]);
}
