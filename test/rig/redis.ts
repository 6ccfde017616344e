import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Redis } from "ioredis";
import { startServers } from "../../src/embedded/servers.ts";

/** A Redis that a test may wipe, stop and fill: that of the test run belongs to all. */
export interface OwnRedis extends AsyncDisposable {
  readonly url: string;
  readonly client: Redis;
}

export async function startRedis(): Promise<OwnRedis> {
  const silent = { info() {}, warn() {}, error() {} };
  const servers = await startServers({
    dataDir: mkdtempSync(join(tmpdir(), "nightshift-redis-")),
    temporary: true,
    want: { redis: true, postgres: false },
    log: silent,
  });
  const url = servers.redisUrl!;
  const client = new Redis(url);
  return {
    url,
    client,
    async [Symbol.asyncDispose]() {
      client.disconnect();
      await servers.stop();
    },
  };
}
