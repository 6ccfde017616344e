import type { QueueDefinition } from "#core/queue.ts";
import { type EngineAddress, engineAt } from "./subject.ts";

/**
 * A worker process that claims one job, says so on its output, and never finishes: the tests kill it.
 * Its argument: `{"address": EngineAddress, "queue": QueueDefinition}`.
 */
const { address, queue } = JSON.parse(process.argv[2]!) as { address: EngineAddress; queue: QueueDefinition };
const engine = engineAt(address);
await engine.start([queue]);
const consumer = engine.consume(
  queue,
  ({ message }) => {
    console.log(`held ${message.id}`);
    return new Promise(() => {});
  },
  { onDead() {}, onError: (error) => console.error(error) },
);
await consumer.start();
