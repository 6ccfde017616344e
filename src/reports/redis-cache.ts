import type { Redis } from "ioredis";
import type { ReportPlace } from "#core/report-key.ts";
import type { Looked, Popular, Reads, ReportCache } from "./cache.ts";
import type { Copy, Failure } from "./copy.ts";
import { countScript, hitsAt, memberOf, placeOfMember, popularKeptMs } from "./decay.ts";

/** A copy goes in if its lease is newer than that of the one that is there. */
const keepScript = `
local held = redis.call('HGET', KEYS[1], 'fence')
if held and tonumber(held) >= tonumber(ARGV[1]) then return 0 end
redis.call('HSET', KEYS[1], 'fence', ARGV[1], 'facts', ARGV[2], 'body', ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[4])
redis.call('DEL', KEYS[2])
return 1`;

const invalidateScript = `
for i, key in ipairs(KEYS) do
  local known = redis.call('GET', key)
  if not known or tonumber(known) < tonumber(ARGV[i + 1]) then redis.call('SET', key, ARGV[i + 1], 'PX', ARGV[1]) end
end
return #KEYS`;

/**
 * Results in Redis. Keys of a tenant share a hash tag, `{prefix:reports:tenant}`, so that a cluster spreads tenants over its
 * shards and a look needs one of them. A look is two commands in one write; nothing here lists keys.
 */
export class RedisReportCache implements ReportCache {
  readonly #connection: Redis;
  readonly #prefix: string;
  readonly #hasRoom: () => boolean;

  /** `hasRoom`: false when Redis is above its high-water mark: what is left is for queues, and nothing is kept. */
  constructor(connection: Redis, prefix: string, hasRoom: () => boolean) {
    this.#connection = connection;
    this.#prefix = prefix;
    this.#hasRoom = hasRoom;
  }

  async look(place: ReportPlace): Promise<Looked> {
    const tags = place.tags.map((tag) => this.#tagKey(place.tenant, tag));
    const [[facts, body], [failure, ...invalidations]] = await Promise.all([
      this.#connection.hmgetBuffer(this.#key(place), "facts", "body"),
      this.#connection.mget(this.#failureKey(place), ...tags),
    ]);
    return {
      copy: facts && body ? { ...(JSON.parse(facts.toString()) as Omit<Copy, "body">), body } : null,
      failure: failure ? (JSON.parse(failure) as Failure) : null,
      invalidatedAt: Math.max(0, ...invalidations.map(Number)),
    };
  }

  async keep(place: ReportPlace, copy: Copy, keepMs: number): Promise<void> {
    if (keepMs <= 0 || !this.#hasRoom()) return;
    const { body, ...facts } = copy;
    const keys = [this.#key(place), this.#failureKey(place)];
    const args = [copy.fence, JSON.stringify(facts), body, Math.ceil(keepMs)];
    await this.#connection.eval(keepScript, keys.length, ...keys, ...args);
  }

  async keepFailure(place: ReportPlace, failure: Failure, backoffMs: number): Promise<void> {
    await this.#connection.set(this.#failureKey(place), JSON.stringify(failure), "PX", backoffMs);
  }

  async keepInvalidations(tenant: string, tags: ReadonlyMap<string, number>, keepMs: number): Promise<void> {
    if (tags.size === 0) return;
    const keys = [...tags.keys()].map((tag) => this.#tagKey(tenant, tag));
    await this.#connection.eval(invalidateScript, keys.length, ...keys, Math.ceil(keepMs), ...tags.values());
  }

  async count(reads: readonly Reads[], now: number): Promise<void> {
    if (!this.#hasRoom()) return;
    const byTenant = Map.groupBy(reads, ({ place }) => place.tenant);
    await Promise.all(
      [...byTenant].map(([tenant, ofTenant]) => {
        const counts = ofTenant.flatMap(({ place, count }) => [memberOf(place), count]);
        return countScript.run(this.#connection, `${this.#base(tenant)}:popular`, now, counts);
      }),
    );
    await this.#connection.zadd(this.#tenantsKey, ...[...byTenant.keys()].flatMap((tenant) => [`${now}`, tenant]));
    await this.#connection.zremrangebyscore(this.#tenantsKey, "-inf", now - popularKeptMs);
  }

  async tenants(): Promise<readonly string[]> {
    return this.#connection.zrange(this.#tenantsKey, 0, "-1");
  }

  async popular(tenant: string, now: number, limit: number): Promise<readonly Popular[]> {
    const found = await this.#connection.zrevrange(`${this.#base(tenant)}:popular`, 0, limit - 1, "WITHSCORES");
    const popular: Popular[] = [];
    for (let at = 0; at < found.length; at += 2)
      popular.push({ ...placeOfMember(found[at]!), hits: hitsAt(Number(found[at + 1]), now) });
    return popular;
  }

  #base(tenant: string): string {
    return `{${this.#prefix}:reports:${tenant}}`;
  }

  #key({ tenant, key }: ReportPlace): string {
    return `${this.#base(tenant)}:${key}`;
  }

  #failureKey(place: ReportPlace): string {
    return `${this.#key(place)}:failure`;
  }

  #tagKey(tenant: string, tag: string): string {
    return `${this.#base(tenant)}:tag:${tag}`;
  }

  get #tenantsKey(): string {
    return `{${this.#prefix}:reports}:tenants`;
  }
}
