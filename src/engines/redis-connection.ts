import { Redis } from "ioredis";
import type { Log } from "#core/handler.ts";

/** Reconnect soon: BullMQ's default backs off to 20 s, which is how long workers would then sit idle after an outage. */
const reconnectDelay = (times: number): number => Math.min(50 * times, 1_000);

/** A producer's command without an answer for this long is given up: the job is a row, and the relay sends it. */
const answerMs = 3_000;
/** A connection that owes an answer for this long is dead, however healthy its socket looks: it is replaced. */
const deadMs = { producer: 5_000, worker: 30_000 }; // a worker's blocking read rests for up to 10 s
/** A connection that is given up gets this long to say goodbye. */
const goodbyeMs = 100;

/** For callers who must be told at once that Redis is away: nothing is queued inside the client. */
export function producerConnection(url: string, log: Log): Redis {
  const connection = new Redis(url, {
    enableOfflineQueue: false,
    maxRetriesPerRequest: 1,
    commandTimeout: answerMs,
    socketTimeout: deadMs.producer,
    disconnectTimeout: goodbyeMs,
    retryStrategy: reconnectDelay,
    lazyConnect: true,
  });
  connection.on("error", (error) => log.warn({ error: error.message }, "redis.connection_lost"));
  return connection;
}

/** For workers, which wait an outage out. BullMQ insists on `maxRetriesPerRequest: null`. */
export function workerConnection(url: string, onError: (error: Error) => void): Redis {
  const connection = new Redis(url, {
    maxRetriesPerRequest: null,
    socketTimeout: deadMs.worker,
    disconnectTimeout: goodbyeMs,
    retryStrategy: reconnectDelay,
    // Not lazy: BullMQ would connect it itself, and take a Redis that is away at that moment for one that never comes.
  });
  connection.on("error", onError);
  return connection;
}
