import type { Redis } from "ioredis";
import { seconds } from "#core/duration.ts";
import type { Log } from "#core/handler.ts";

/** Above this share of `maxmemory` nothing more is put in: what is left is for workers, who need a little to settle. */
const highWater = 0.8;
const everyMs = seconds(1);

/** Why nothing goes in. `full`: above the high-water mark, or refused for want of memory. */
export type Shut = "away" | "full";

/**
 * Whether Redis takes messages now: it answers, and has room. Looks once a second and whenever the connection comes or
 * goes; a dispatch that failed shuts it at once. Shut, the jobs stay in Postgres, and `onOpen` tells who waits.
 */
export class RedisGate {
  readonly #connection: Redis;
  readonly #log: Log;
  readonly #waiting: Set<() => void>;
  #shut: Shut | null = "away";
  #timer: NodeJS.Timeout | null = null;
  #looking: Promise<void> | null = null;
  readonly #onReady = () => void this.look();
  readonly #onClose = () => this.#set("away");

  /** `waiting`: run whenever it opens. */
  constructor(connection: Redis, log: Log, waiting: Set<() => void>) {
    this.#connection = connection;
    this.#log = log;
    this.#waiting = waiting;
  }

  get open(): boolean {
    return this.#shut === null;
  }

  async start(): Promise<void> {
    this.#connection.on("ready", this.#onReady);
    this.#connection.on("close", this.#onClose);
    this.#timer ??= setInterval(() => void this.look(), everyMs);
    await this.look();
  }

  stop(): void {
    this.#connection.off("ready", this.#onReady);
    this.#connection.off("close", this.#onClose);
    if (this.#timer) clearInterval(this.#timer);
    this.#timer = null;
  }

  /** A dispatch failed: what it says about Redis counts until the next look. */
  failed(error: Error): void {
    if (/^OOM\b/.test(error.message)) this.#set("full");
    else if (this.#connection.status !== "ready" || /timed out/i.test(error.message)) this.#set("away");
  }

  /** What to tell those whose messages do not go in. */
  refusal(): Error {
    return new Error(this.#shut === "full" ? "Redis is full: the job stays in Postgres" : "Redis does not answer");
  }

  /** Never rejects. */
  look(): Promise<void> {
    this.#looking ??= this.#look().finally(() => {
      this.#looking = null;
    });
    return this.#looking;
  }

  async #look(): Promise<void> {
    try {
      this.#set(isFull(await this.#connection.info("memory")) ? "full" : null);
    } catch {
      this.#set("away");
    }
  }

  #set(shut: Shut | null): void {
    if (shut === this.#shut) return;
    this.#shut = shut;
    if (shut !== null) this.#log.warn({ reason: shut }, "redis.shut");
    else {
      this.#log.info({}, "redis.open");
      for (const run of this.#waiting) run();
    }
  }
}

function isFull(info: string): boolean {
  const read = (field: string) => Number(new RegExp(`^${field}:(\\d+)`, "m").exec(info)?.[1] ?? 0);
  const maxmemory = read("maxmemory"); // 0: no limit
  return maxmemory > 0 && read("used_memory") > maxmemory * highWater;
}
