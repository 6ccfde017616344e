import type { Redis } from "ioredis";
import type { EngineHold, WaitingPage } from "./engine.ts";

/** Ids per script call: Redis does nothing else meanwhile (≈ 2 ms). */
const idsPerCall = 500;
const pageSize = 1_000;

/** KEYS[1]: what the keys of the queue begin with. ARGV: ids. Answers a state per id, `""` for one that is not there. */
const holdsScript = `
local base = KEYS[1]
local function within(set, id) return redis.call('ZSCORE', base .. set, id) end
local function listed(list, id) return redis.call('LPOS', base .. list, id) end
local states = {}
for i, id in ipairs(ARGV) do
  if redis.call('EXISTS', base .. id) == 0 then states[i] = ''
  elseif within('prioritized', id) then states[i] = 'waiting'
  elseif within('delayed', id) then states[i] = 'delayed'
  elseif within('completed', id) then states[i] = 'completed'
  elseif within('failed', id) then states[i] = 'failed'
  elseif listed('active', id) then states[i] = 'active'
  elseif listed('wait', id) then states[i] = 'waiting'
  else states[i] = 'stray' end
end
return states`;

/** What BullMQ holds of these ids, each batch at one moment: a job that is being claimed is never between two lists. */
export async function holdsOf(redis: Redis, base: string, ids: readonly string[]): Promise<Map<string, EngineHold>> {
  const held = new Map<string, EngineHold>();
  for (let from = 0; from < ids.length; from += idsPerCall) {
    const some = ids.slice(from, from + idsPerCall);
    const states = (await redis.eval(holdsScript, 1, base, ...some)) as (EngineHold | "")[];
    for (const [index, state] of states.entries()) if (state !== "") held.set(some[index]!, state);
  }
  return held;
}

/**
 * One page of what waits: first the stalled and released ones (`wait`, a list, read from the front), then `prioritized` and
 * `delayed` (sets, read by ZSCAN, which sees at least once whatever stays). A cursor is `<place> <position>`.
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
