import { setTimeout as delay } from "node:timers/promises";
import { Redis } from "ioredis";
import pg from "pg";
import type { Cluster } from "./cluster.ts";
import type { Fault, Manner, WorkerName } from "./plan.ts";

/** A fault that took place. Epoch ms. */
export interface Inflicted {
  readonly fault: Fault;
  readonly beganAt: number;
  /** The cause is gone: the process is ready again, the server answers, the wire is mended. */
  readonly healedAt: number;
}

const answersWithinMs = 60_000;

/** Let one thing go wrong, and mend it. Resolves when the cause is gone; what it did is still to be worked off. */
export async function inflict(fault: Fault, cluster: Cluster, signal: AbortSignal): Promise<Inflicted> {
  const beganAt = Date.now();
  await strike(fault, cluster, signal);
  return { fault, beganAt, healedAt: Date.now() };
}

async function strike(fault: Fault, cluster: Cluster, signal: AbortSignal): Promise<void> {
  const last = () => delay(fault.lastsMs, undefined, { signal });
  switch (fault.kind) {
    case "kill-worker":
    case "kill-api":
    case "kill-scheduler": {
      const member = cluster.member(fault.target);
      await member.kill();
      await last();
      return member.start(signal);
    }
    case "stop-worker": {
      const member = cluster.member(fault.target);
      member.signal("SIGSTOP");
      return last().finally(() => member.signal("SIGCONT"));
    }
    case "restart-redis":
      return restart("redis", cluster, signal, (url) => askRedis(url, (redis) => redis.ping()));
    case "restart-postgres":
      return restart("postgres", cluster, signal, askPostgres);
    case "flush-redis":
      return askRedis(cluster.redisUrl, (redis) => redis.flushall());
    case "cut-redis":
    case "cut-postgres": {
      const { redis, postgres } = cluster.wires(fault.target as WorkerName);
      const wire = fault.kind === "cut-redis" ? redis : postgres;
      wire.cut(fault.manner as Manner);
      return last().finally(() => wire.mend());
    }
  }
}

/** Kill a server's main process; its guard starts it again over the same data. */
async function restart(
  server: "redis" | "postgres",
  cluster: Cluster,
  signal: AbortSignal,
  ask: (url: string) => Promise<unknown>,
): Promise<void> {
  const url = server === "redis" ? cluster.redisUrl : cluster.database.connectionString;
  const pid = cluster.serverPid(server);
  process.kill(pid, "SIGKILL");
  const until = Date.now() + answersWithinMs;
  while (Date.now() < until) {
    await delay(20, undefined, { signal });
    const answers = await ask(url).then(
      () => true,
      () => false,
    );
    if (answers) return;
  }
  throw new Error(`Expected ${server} to answer within ${answersWithinMs} ms after its pid ${pid} was killed`);
}

async function askRedis(url: string, ask: (redis: Redis) => Promise<unknown>): Promise<void> {
  const redis = new Redis(url, { lazyConnect: true, retryStrategy: null, maxRetriesPerRequest: 0 });
  redis.on("error", () => undefined); // the call says so itself
  try {
    await redis.connect();
    await ask(redis);
  } finally {
    redis.disconnect();
  }
}

async function askPostgres(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 2_000 });
  client.on("error", () => undefined);
  try {
    await client.connect();
    await client.query("select 1");
  } finally {
    await client.end().catch(() => undefined);
  }
}
