import { randomUUID } from "node:crypto";
import type { Log } from "#core/handler.ts";
import { defineQueue, type QueueDefinition } from "#core/queue.ts";
import type { Engine, Message } from "../../src/engines/engine.ts";
import { PostgresEngine } from "../../src/engines/postgres.ts";
import { RedisEngine } from "../../src/engines/redis.ts";

/** Where an engine under test lives: a server, and a prefix or schema of its own. Travels to child processes as JSON. */
export interface EngineAddress {
  readonly kind: Engine["kind"];
  readonly url: string;
  readonly scope: string;
}

export const silentLog: Log = { debug() {}, info() {}, warn() {}, error() {}, child: () => silentLog };

export function engineAt({ kind, url, scope }: EngineAddress): Engine {
  return kind === "redis"
    ? new RedisEngine({ url, prefix: scope, log: silentLog })
    : new PostgresEngine({ connectionString: url, schema: scope, log: silentLog, supervise: false });
}

/** A prefix or schema that nobody else has. */
export const newScope = (): string => `t_${randomUUID().slice(0, 8)}`;

/** A queue that nobody else has. Its lease outlasts every pause of a busy machine; tests that let one run out shorten it. */
export function newQueue(kind: Engine["kind"], knobs: Partial<QueueDefinition> = {}): QueueDefinition {
  return defineQueue({
    name: `q-${randomUUID().slice(0, 8)}`,
    engine: kind,
    durability: "ledger",
    order: "priority",
    runsIn: "loop",
    concurrency: 1,
    leaseMs: 10_000,
    maxStalled: 1,
    rateLimit: null,
    drainMs: 1_000,
    keepCompletedMs: 60_000,
    keepFailedMs: 60_000,
    ...knobs,
  });
}

export function newMessage(knobs: Partial<Message> = {}): Message {
  return {
    id: randomUUID(),
    job: "tests.do-nothing",
    tenant: "acme",
    priority: "normal",
    attempts: 5,
    delayMs: 0,
    acceptedAt: Date.now(),
    ...knobs,
  };
}
