import { Redis } from "ioredis";
import type { Log } from "#core/handler.ts";

/** Reconnect soon: BullMQ's default backs off to 20 s, which is how long workers would then sit idle after an outage. */
const reconnectDelay = (times: number): number => Math.min(50 * times, 2_000);

/** For callers who must be told at once that Redis is away: nothing is queued inside the client. */
export function producerConnection(url: string, log: Log): Redis {
  const connection = new Redis(url, {
    enableOfflineQueue: false,
    maxRetriesPerRequest: 1,
    retryStrategy: reconnectDelay,
    lazyConnect: true,
  });
  connection.on("error", (error) => log.warn({ error: error.message }, "redis.connection_lost"));
  return connection;
}

/** For workers, which wait an outage out. BullMQ insists on `maxRetriesPerRequest: null`. */
export function workerConnection(url: string, onError: (error: Error) => void): Redis {
  const connection = new Redis(url, { maxRetriesPerRequest: null, retryStrategy: reconnectDelay, lazyConnect: true });
  connection.on("error", onError);
  return connection;
}
