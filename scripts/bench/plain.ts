import { Queue, Worker } from "bullmq";
import { Redis } from "ioredis";
import { PgBoss } from "pg-boss";
import { attempts, type BenchPayload, keepCompletedMs, retryDelayMs } from "./job.ts";

/** The libraries by themselves, as a team would use them that has no Nightshift. */

const queueName = "bench-plain";
const options = {
  attempts,
  backoff: { type: "fixed", delay: retryDelayMs },
  removeOnComplete: { age: keepCompletedMs / 1_000 },
} as const;

export interface PlainQueue {
  add(payload: BenchPayload): Promise<unknown>;
  addBulk(payloads: readonly BenchPayload[]): Promise<unknown>;
  stop(): Promise<void>;
}

/** A BullMQ queue with one shared connection. */
export function startPlainQueue(redisUrl: string): PlainQueue {
  const connection = new Redis(redisUrl);
  const queue = new Queue(queueName, { connection });
  return {
    add: (payload) => queue.add("bench", payload, options),
    addBulk: (payloads) => queue.addBulk(payloads.map((data) => ({ name: "bench", data, opts: options }))),
    async stop() {
      await queue.close();
      connection.disconnect();
    },
  };
}

/** A connected BullMQ worker; `run` makes it claim. */
export async function startPlainWorker(
  redisUrl: string,
  concurrency: number,
  handle: (payload: BenchPayload) => Promise<void>,
): Promise<{ run(): void; stop(): Promise<void> }> {
  const connection = new Redis(redisUrl, { maxRetriesPerRequest: null });
  const worker = new Worker<BenchPayload>(queueName, (job) => handle(job.data), {
    connection,
    concurrency,
    autorun: false,
  });
  worker.on("error", (error) => console.error(error));
  await worker.waitUntilReady();
  return {
    run: () => void worker.run(),
    async stop() {
      await worker.close();
      connection.disconnect();
    },
  };
}

/** pg-boss with its default pool of ten connections, without its housekeeping. */
export async function startBoss(databaseUrl: string) {
  const boss = new PgBoss({ connectionString: databaseUrl, schema: "boss", supervise: false, schedule: false });
  boss.on("error", (error: Error) => console.error(error));
  await boss.start();
  await boss.createQueue(queueName);
  return {
    send: (payload: BenchPayload) =>
      boss.send(queueName, payload, { retryLimit: attempts - 1, retryDelay: retryDelayMs / 1_000 }),
    stop: () => boss.stop({ graceful: false }),
  };
}
