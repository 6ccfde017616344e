import type { Redis } from "ioredis";
import type { EngineHold, WaitingPage } from "./engine.ts";

/** Ids per script call: Redis does nothing else meanwhile (≈ 2 ms). */
const idsPerCall = 500;
const pageSize = 1_000;

/**
 * KEYS[1]: what the keys of the queue begin with. ARGV[1]: whether to look through the list of what waits, too, which takes
 * the longer the longer it is. Then ids. Answers a state per id, `""` for one that is not there.
 */
const holdsScript = `
local base = KEYS[1]
local function within(set, id) return redis.call('ZSCORE', base .. set, id) end
local function listed(list, id) return redis.call('LPOS', base .. list, id) end
local states = {}
for i = 2, #ARGV do
  local id, state = ARGV[i], 'stray'
  if redis.call('EXISTS', base .. id) == 0 then state = ''
  elseif within('prioritized', id) then state = 'waiting'
  elseif within('delayed', id) then state = 'delayed'
  elseif within('completed', id) then state = 'completed'
  elseif within('failed', id) then state = 'failed'
  elseif listed('active', id) then state = 'active'
  elseif ARGV[1] == 'list too' and listed('wait', id) then state = 'waiting' end
  states[i - 1] = state
end
return states`;

/**
 * What BullMQ holds of these ids, each at one moment: a job that is being claimed is never between two lists. The list of
 * what waits is read in pages (`unlistedOf`), so that Redis is not kept from its work by a long one; only for what was not
 * met there, most of it because it has just been claimed, is it looked through as a whole.
 */
export async function holdsOf(redis: Redis, base: string, ids: readonly string[]): Promise<Map<string, EngineHold>> {
  const held = await statesOf(redis, base, ids, "without list");
  const unplaced = new Set([...held].flatMap(([id, state]) => (state === "stray" ? [id] : [])));
  const unlisted = await unlistedOf(redis, base, unplaced);
  for (const id of unplaced) held.set(id, "waiting");
  for (const id of unlisted) held.delete(id);
  for (const [id, state] of await statesOf(redis, base, unlisted, "list too")) held.set(id, state);
  return held;
}

async function statesOf(
  redis: Redis,
  base: string,
  ids: readonly string[],
  look: "list too" | "without list",
): Promise<Map<string, EngineHold>> {
  const held = new Map<string, EngineHold>();
  for (let from = 0; from < ids.length; from += idsPerCall) {
    const some = ids.slice(from, from + idsPerCall);
    const states = (await redis.eval(holdsScript, 1, base, look, ...some)) as (EngineHold | "")[];
    for (const [index, state] of states.entries()) if (state !== "") held.set(some[index]!, state);
  }
  return held;
}

/** Those of `ids` that the list of what waits was not seen to have, read from its old end while any is missing. */
async function unlistedOf(redis: Redis, base: string, ids: ReadonlySet<string>): Promise<string[]> {
  const missing = new Set(ids);
  for (let read = 0, more = true; more && missing.size > 0; read += pageSize) {
    const page = await redis.lrange(`${base}wait`, -read - pageSize, -read - 1);
    for (const id of page) missing.delete(id);
    more = page.length === pageSize;
  }
  return [...missing];
}

/**
 * One page of what waits: first what has no priority, and what was stalled or released (`wait`, a list, read from the end
 * where new ones come in, so that what is claimed meanwhile moves none of the rest), then `prioritized` and `delayed` (sets,
 * read by ZSCAN, which sees at least once whatever stays). A cursor is `<place> <position>`.
 */
export async function waitingPage(redis: Redis, base: string, cursor: string | null): Promise<WaitingPage> {
  const [place = "wait", position = "0"] = cursor?.split(" ") ?? [];
  if (place === "wait") {
    const from = Number(position);
    const ids = await redis.lrange(`${base}wait`, from, from + pageSize - 1);
    return { ids, next: ids.length === pageSize ? `wait ${from + pageSize}` : "prioritized 0" };
  }
  const [following, found] = await redis.zscan(`${base}${place}`, position, "COUNT", pageSize);
  const ids = found.filter((_, index) => index % 2 === 0); // every second one is a score
  const last = place === "delayed" ? null : "delayed 0";
  return { ids, next: following === "0" ? last : `${place} ${following}` };
}
