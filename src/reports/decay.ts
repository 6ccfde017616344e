import type { Redis } from "ioredis";
import { days } from "#core/duration.ts";
import type { ReportPlace } from "#core/report-key.ts";
import type { Popular } from "./cache.ts";

/**
 * Counts that fade: a read counts half as much after each half-life. Kept as a logarithm, `log2(Σ 2^(tᵢ / halfLife))`, which
 * never has to be touched for time to pass, keeps its order, and does not overflow.
 */
export const halfLifeMs = days(1);
/** A tenant's questions beyond these, least popular first, are forgotten. */
const questionsPerTenant = 500;
/** After so many half-lives a read counts a thousandth. */
export const popularKeptMs = 10 * halfLifeMs;

/** How many reads such a score is worth at `now`. */
export function hitsAt(score: number, now: number): number {
  return 2 ** (score - now / halfLifeMs);
}

const script = `
local at = tonumber(ARGV[1])
local log2 = math.log(2)
for i = 4, #ARGV, 2 do
  local score = at + math.log(tonumber(ARGV[i + 1])) / log2
  local known = redis.call('ZSCORE', KEYS[1], ARGV[i])
  if known then
    local old = tonumber(known)
    local high, low = math.max(old, score), math.min(old, score)
    score = high + math.log(1 + 2 ^ (low - high)) / log2
  end
  redis.call('ZADD', KEYS[1], string.format('%.17g', score), ARGV[i])
end
redis.call('ZREMRANGEBYRANK', KEYS[1], 0, -(tonumber(ARGV[2]) + 1))
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return redis.status_reply('OK')`;

/** Adds reads to a tenant's sorted set: `counts` is a question and its number of reads, in turn. */
export const countScript = {
  run: (redis: Redis, key: string, now: number, counts: readonly (string | number)[]): Promise<unknown> =>
    redis.eval(script, 1, key, now / halfLifeMs, questionsPerTenant, popularKeptMs, ...counts),
};

/** A question as a member of the sorted set, and back. */
export function memberOf({ report, permission, canonical }: ReportPlace): string {
  return JSON.stringify([report.name, report.version, permission, canonical]);
}

export function placeOfMember(member: string): Omit<Popular, "hits"> {
  const [report, version, permission, params] = JSON.parse(member) as [string, number, string, string];
  return { report, version, permission, params };
}
