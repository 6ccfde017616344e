import { Redis } from "ioredis";
import type { Log } from "#core/handler.ts";

/** Reconnect soon: BullMQ's default backs off to 20 s, which is how long workers would then sit idle after an outage. */
const reconnectDelay = (times: number): number => Math.min(50 * times, 1_000);

/** A producer's command without an answer for this long is given up: the job is a row, and the relay sends it. */
const answerMs = 3_000;
const cacheAnswerMs = 1_000;
/** A connection that owes an answer for this long is dead, however healthy its socket looks: it is replaced. */
const deadMs = { producer: 5_000, worker: 30_000 }; // a worker's blocking read rests for up to 10 s
/** A connection that is given up gets this long to say goodbye. */
const goodbyeMs = 100;

/** Commands written together at the most, where nobody waits for the answers to the first of them. */
const perWrite = 64;
/**
 * A worker that keeps Redis busy with all its slots waits while Redis works, and Redis while it does. So it hands over a part
 * of them at a time: of 50 slots 8 or 16 did a sixth more than all, of 10 slots 4 a third more than 8 (2026-11-20).
 */
const perWriteOf = (slots: number): number => Math.min(8, Math.ceil(slots / 4));

/**
 * Writes the commands of one turn of the event loop together, a few at a time: one system call and one wake-up of Redis
 * instead of one for each command, which is half of what the kernel takes of a busy worker. Unlike ioredis'
 * auto-pipelining, which holds the commands themselves back, it costs nothing.
 */
class BatchingRedis extends Redis {
  /** Commands written together at the most. */
  perWrite = perWrite;
  #corked: Redis["stream"] | null = null;
  #gathered = 0;

  override sendCommand(...[command, stream]: Parameters<Redis["sendCommand"]>): unknown {
    if (!stream && this.status === "ready") this.#gather(this.stream);
    return super.sendCommand(command, stream);
  }

  #gather(stream: Redis["stream"]): void {
    if (this.#corked !== stream) {
      this.#corked = stream;
      this.#gathered = 0;
      stream.cork();
      process.nextTick(() => {
        this.#corked = null;
        stream.uncork();
      });
    } else if (this.#gathered === this.perWrite) {
      this.#gathered = 0;
      stream.uncork();
      stream.cork();
    }
    this.#gathered += 1;
  }
}

/** For callers who must be told at once that Redis is away: nothing is queued inside the client. */
export function producerConnection(url: string, log: Log): Redis {
  return impatientConnection(url, answerMs, log);
}

/** For caches: a reader who waits for Redis longer than for Postgres is served worse than without it. */
export function cacheConnection(url: string, log: Log): Redis {
  return impatientConnection(url, cacheAnswerMs, log);
}

function impatientConnection(url: string, commandTimeout: number, log: Log): Redis {
  const connection = new BatchingRedis(url, {
    enableOfflineQueue: false,
    maxRetriesPerRequest: 1,
    commandTimeout,
    socketTimeout: deadMs.producer,
    disconnectTimeout: goodbyeMs,
    retryStrategy: reconnectDelay,
    lazyConnect: true,
  });
  connection.on("error", (error) => log.warn({ error: error.message }, "redis.connection_lost"));
  return connection;
}

/**
 * For workers, which wait an outage out. BullMQ insists on `maxRetriesPerRequest: null`. `verdicts` says how they come: by the
 * groups that Postgres commits, and best go on as such, because what comes back together is begun together; or one by one
 * from so many slots.
 */
export function workerConnection(url: string, verdicts: "in groups" | number, onError: (error: Error) => void): Redis {
  const connection = new BatchingRedis(url, {
    maxRetriesPerRequest: null,
    socketTimeout: deadMs.worker,
    disconnectTimeout: goodbyeMs,
    retryStrategy: reconnectDelay,
    // Not lazy: BullMQ would connect it itself, and take a Redis that is away at that moment for one that never comes.
  });
  if (verdicts !== "in groups") connection.perWrite = perWriteOf(verdicts);
  connection.on("error", onError);
  return connection;
}
