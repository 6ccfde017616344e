import type { Queue } from "bullmq";
import type { Redis } from "ioredis";
import { priorityNumbers, type RedisJobData } from "./redis-job.ts";

/** BullMQ's scores: of a prioritized job its priority above 32 bits of order, of a delayed one its time above 12. */
const perPriority = 2 ** 32;
const perMs = 2 ** 12;

/**
 * Since when (epoch ms) the oldest job that no worker holds has been due; `null` when none is. Looks at ends only: of the
 * list (what is next, and what came last or came back from a dead worker), of each priority, and of the delayed jobs, which
 * are moved on by workers alone.
 */
export async function oldestDueAt(queue: Queue<RedisJobData>, connection: Redis, now: number): Promise<number | null> {
  const look = connection.pipeline();
  look.zrangebyscore(queue.toKey("delayed"), 0, (now + 1) * perMs - 1, "WITHSCORES", "LIMIT", 0, 1);
  look.lindex(queue.toKey("wait"), -1);
  look.lindex(queue.toKey("wait"), 0);
  for (const priority of Object.values(priorityNumbers)) {
    const first = priority * perPriority;
    look.zrangebyscore(queue.toKey("prioritized"), first, first + perPriority - 1, "LIMIT", 0, 1);
  }
  const [delayed, ...heads] = ((await look.exec()) ?? []).map(([error, answer]) => {
    if (error) throw error;
    return [answer].flat() as (string | null)[];
  });
  const waiting = heads.flat().flatMap((id) => (id === null ? [] : [dueAt(queue, id)]));
  const due = (await Promise.all(waiting)).filter((at) => at !== null);
  if (delayed?.[1]) due.push(Math.floor(Number(delayed[1]) / perMs));
  return due.length > 0 ? Math.min(now, ...due) : null;
}

/** `null`: it is gone, because a worker has taken it in between. */
async function dueAt(queue: Queue<RedisJobData>, id: string): Promise<number | null> {
  const job = await queue.getJob(id);
  return job ? (job.data.dueAt ?? job.timestamp + (job.opts.delay ?? 0)) : null;
}
