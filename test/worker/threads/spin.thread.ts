import { threadId } from "node:worker_threads";

/** Burns the processor until it is killed, or for so long. */
export async function run({ forMs }: { forMs: number }): Promise<{ threadId: number }> {
  const until = Date.now() + forMs;
  while (Date.now() < until);
  return { threadId };
}
