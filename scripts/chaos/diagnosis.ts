import { Redis } from "ioredis";
import type { Check } from "./check.ts";
import type { Cluster } from "./cluster.ts";
import type { LedgerJob } from "./evidence.ts";
import { chaosQueues } from "./work/jobs.ts";

const shown = 10;

/** What ledger and engine know of jobs that went wrong: a line each, of the first few. */
export async function diagnose(
  { suspects }: Check,
  jobs: readonly LedgerJob[],
  cluster: Cluster,
): Promise<readonly string[]> {
  const ids = suspects.slice(0, shown);
  const redis = new Redis(cluster.redisUrl, { lazyConnect: true, retryStrategy: null, maxRetriesPerRequest: 1 });
  redis.on("error", () => undefined);
  try {
    await redis.connect();
    const lines = ids.map(async (id) => {
      const job = jobs.find((one) => one.id === id);
      if (!job) return `  ${id} has no row`;
      const { state, attempt, attempts } = job;
      const trail = attempts.map(({ outcome }) => outcome).join(" → ");
      return `  ${id} ${job.job}: ${state}, attempt ${attempt} (${trail || "none ended"}); ${await inEngine(job, redis, cluster)}`;
    });
    return await Promise.all(lines);
  } finally {
    redis.disconnect();
  }
}

async function inEngine({ id, queue }: LedgerJob, redis: Redis, { database }: Cluster): Promise<string> {
  if (chaosQueues.find(({ name }) => name === queue)?.engine === "postgres") {
    const { rows } = await database.executeSql(`select state from ${database.schema}_boss.job where id = $1`, [id]);
    return rows[0] ? `pg-boss has it as ${rows[0].state}` : "pg-boss does not have it";
  }
  const base = `{nightshift:${queue}}:${queue}`;
  const places = ["wait", "active", "paused"] as const;
  const scores = ["prioritized", "delayed", "completed", "failed"] as const;
  const found = await Promise.all([
    ...places.map(async (place) => ((await redis.lpos(`${base}:${place}`, id)) === null ? null : place)),
    ...scores.map(async (place) => ((await redis.zscore(`${base}:${place}`, id)) === null ? null : place)),
  ]);
  const where = found.filter((place) => place !== null).join(", ") || "no list";
  return (await redis.exists(`${base}:${id}`)) ? `Redis has it in ${where}` : `Redis does not have it (${where})`;
}
