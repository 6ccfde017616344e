import { Redis } from "ioredis";
import { inject } from "vitest";
import { redisPrefix } from "../../src/engines/redis.ts";
import { conform } from "./conformance.ts";
import { Stage } from "./stage.ts";
import { newScope } from "./subject.ts";

const url = inject("redisUrl");
const scope = newScope();

async function redis(work: (client: Redis) => Promise<unknown>): Promise<void> {
  const client = new Redis(url);
  await work(client).finally(() => client.disconnect());
}

const stage = new Stage({ kind: "redis", url, scope }, (queue, id) =>
  redis((client) => client.del(`${redisPrefix(scope, queue.name)}:${queue.name}:${id}:lock`)),
);
conform(stage, () =>
  redis(async (client) => {
    for await (const keys of client.scanStream({ match: `{${scope}:*`, count: 1_000 }))
      if (keys.length > 0) await client.unlink(...keys);
  }),
);
