import type { Log } from "#core/handler.ts";
import type { Environment } from "./config/env.ts";
import { startServers } from "./embedded/servers.ts";

/** Where this installation keeps what it knows. */
export interface Stores {
  readonly databaseUrl: string;
  readonly redisUrl: string;
  /** Leave embedded servers; the last one to leave takes them down. */
  stop(): Promise<void>;
}

/** Postgres and Redis as the environment names them; those it does not name run embedded, under its data directory. */
export async function openStores(env: Environment, log: Log, signal?: AbortSignal): Promise<Stores> {
  const servers = await startServers({
    dataDir: env.dataDir,
    want: { redis: !env.redisUrl, postgres: !env.databaseUrl },
    log,
    ...(signal && { signal }),
  });
  return {
    databaseUrl: env.databaseUrl ?? servers.databaseUrl!,
    redisUrl: env.redisUrl ?? servers.redisUrl!,
    stop: () => servers.stop(),
  };
}
