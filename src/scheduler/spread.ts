import { createHash } from "node:crypto";

/** How much later than its tick a job is enqueued, from 0 to `spreadMs`: always the same for one tick of one schedule. */
export function spreadOf(schedule: string, tick: number, spreadMs: number): number {
  if (spreadMs === 0) return 0;
  const [share] = new Uint32Array(createHash("sha256").update(`${schedule}/${tick}`).digest().buffer.slice(0, 4));
  return Math.round((share! / 0xffff_ffff) * spreadMs);
}
