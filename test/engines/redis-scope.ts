import { Redis } from "ioredis";
import { inject } from "vitest";
import type { QueueDefinition } from "#core/queue.ts";
import { redisPrefix } from "../../src/engines/redis.ts";
import { Stage } from "./stage.ts";
import { newScope } from "./subject.ts";

/** The tests' Redis, under a prefix that nobody else has. */
export class RedisScope {
  readonly stage: Stage;
  readonly #scope = newScope();

  constructor(order: QueueDefinition["order"]) {
    this.stage = new Stage(
      { kind: "redis", url: inject("redisUrl"), scope: this.#scope },
      async (queue, id) => {
        await this.ask((client) => client.del(this.key(queue, `${id}:lock`)));
      },
      order,
    );
  }

  key(queue: QueueDefinition, name: string): string {
    return `${redisPrefix(this.#scope, queue.name)}:${queue.name}:${name}`;
  }

  /** Do something behind the engine's back. */
  async ask<Answer>(work: (client: Redis) => Promise<Answer>): Promise<Answer> {
    const client = new Redis(inject("redisUrl"));
    return work(client).finally(() => client.disconnect());
  }

  cleanUp(): Promise<void> {
    return this.ask(async (client) => {
      for await (const keys of client.scanStream({ match: `{${this.#scope}:*`, count: 1_000 }))
        if (keys.length > 0) await client.unlink(...keys);
    });
  }
}
