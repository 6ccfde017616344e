import assert from "node:assert/strict";
import { onTestFinished } from "vitest";
import type { QueueDefinition } from "#core/queue.ts";
import type { Engine, EngineCounts, EngineHold, Message } from "../../src/engines/engine.ts";
import { HandWorker } from "./hand-worker.ts";
import { type EngineAddress, engineAt, newQueue } from "./subject.ts";

/** One engine under test, and the moves that every conformance test makes. */
export class Stage {
  readonly address: EngineAddress;
  readonly engine: Engine;
  /** Make a claim run out, as if its worker had been frozen for longer than the lease. */
  readonly lapse: (queue: QueueDefinition, id: string) => Promise<void>;
  /** Of its queues. */
  readonly order: QueueDefinition["order"];

  constructor(address: EngineAddress, lapse: Stage["lapse"], order: Stage["order"] = "priority") {
    this.order = order;
    this.address = address;
    this.engine = engineAt(address);
    this.lapse = lapse;
  }

  /** A queue of this test alone. */
  async open(knobs: Partial<QueueDefinition> = {}): Promise<QueueDefinition> {
    const queue = newQueue(this.address.kind, { order: this.order, ...knobs });
    await this.engine.start([queue]);
    return queue;
  }

  hire(queue: QueueDefinition): HandWorker {
    return new HandWorker(this.engine, queue);
  }

  /** A worker that claims already. Stopped after the test, which must have settled what it took. */
  async start(queue: QueueDefinition): Promise<HandWorker> {
    const worker = this.hire(queue);
    await worker.start();
    onTestFinished(() => worker.stop());
    return worker;
  }

  /** Wait until the engine has put the job away. */
  async settledAs(queue: QueueDefinition, id: string, state: EngineHold): Promise<void> {
    while ((await this.engine.holds(queue, [id])).get(id) !== state)
      await new Promise((resolve) => setImmediate(resolve));
  }

  /** How many jobs are where, without their age. */
  async counts(queue: QueueDefinition): Promise<Omit<EngineCounts, "oldestWaitingMs">> {
    const { oldestWaitingMs: _, ...counts } = await this.engine.counts(queue);
    return counts;
  }

  /** Dispatch messages that the engine must take under their own ids. */
  async dispatch(queue: QueueDefinition, ...messages: Message[]): Promise<void> {
    const results = await this.engine.dispatch(queue, messages);
    assert.deepEqual(
      results,
      messages.map(({ id }) => ({ ok: true, id })),
    );
  }
}

/** The error of a failed attempt. */
export const refused = { code: "smtp_refused", message: "The server said no" };

/** Delays are promised as a minimum. How late a busy machine may be nobody can say; the test's own time ends a wait. */
export function assertWaited(waitedMs: number, delayMs: number): void {
  // Clocks are read in whole milliseconds on both sides.
  assert.ok(waitedMs >= delayMs - 2, `expected to wait at least ${delayMs} ms, waited ${waitedMs}`);
}
