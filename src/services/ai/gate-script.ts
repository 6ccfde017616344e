/**
 * The gate's two steps, as scripts: each runs at one moment of Redis and by its clock, so that all workers see one state.
 * One hash per provider key:
 *
 * - `r:<n>`, `t:<n>`, `w:<n>`: requests and tokens of the n-th stretch of time, and how many callers were told to come when
 *   it leaves the window. A stretch counts until it has left the window as a whole, so no window ever holds more than the limit.
 * - `rl`, `tl`: limits as the provider's headers said. `until`: nobody calls before.
 * - `fails`, `failedAt`: failures in a row. `openUntil`, `opens`: the breaker. `probe`, `probeUntil`: the one call that
 *   finds out whether the provider is back.
 *
 * Times are milliseconds since 1970. Answers are `{word, number, text}`.
 */
const head = `
  local key = KEYS[1]
  local t = redis.call('TIME')
  local now = t[1] * 1000 + math.floor(t[2] / 1000)
  local windowMs, bucketMs = tonumber(ARGV[1]), tonumber(ARGV[2])
  local h = {}
  local all = redis.call('HGETALL', key)
  for i = 1, #all, 2 do h[all[i]] = all[i + 1] end
  local function num(field) return tonumber(h[field] or '0') end
  local function set(field, value) h[field] = tostring(value); redis.call('HSET', key, field, value) end
  local function drop(...) redis.call('HDEL', key, ...) for _, f in ipairs({...}) do h[f] = nil end end
  local requests, tokens, buckets = 0, 0, {}
  for field, value in pairs(h) do
    local n = string.match(field, '^r:(%d+)$')
    if n then
      n = tonumber(n)
      if (n + 1) * bucketMs + windowMs <= now then
        redis.call('HDEL', key, 'r:' .. n, 't:' .. n, 'w:' .. n)
      else
        requests = requests + tonumber(value)
        tokens = tokens + num('t:' .. n)
        table.insert(buckets, n)
      end
    end
  end
  table.sort(buckets)
`;

/** ARGV: windowMs, bucketMs, default requests, default tokens, tokens of the call, name of a probe, probeMs, queue 0|1. */
export const enterScript = `${head}
  local need, probe, probeMs, queue = tonumber(ARGV[5]), ARGV[6], tonumber(ARGV[7]), ARGV[8] == '1'
  local maxRequests = tonumber(h['rl'] or ARGV[3])
  local maxTokens = tonumber(h['tl'] or ARGV[4])
  local probing = false
  if h['openUntil'] then
    if now < num('openUntil') then return {'open', num('openUntil') - now, ''} end
    if now < num('probeUntil') then return {'open', num('probeUntil') - now, ''} end
    probing = true
  end
  if now < num('until') then return {'limited', num('until') - now, ''} end
  local many = requests + 1 > maxRequests
  if many or (tokens + need > maxTokens and tokens > 0) then
    -- When does room come, and for how many callers like this one? With 'queue', the first time that is not promised yet.
    local best, bestAt, bestTurn
    for _, n in ipairs(buckets) do
      local frees = many and num('r:' .. n) or math.floor(num('t:' .. n) / need)
      if frees > 0 then
        local turn = queue and math.floor(num('w:' .. n) / frees) or 0
        if not best or turn < bestTurn then best, bestTurn = n, turn end
      end
    end
    if not best then best, bestTurn = buckets[#buckets], 0 end
    bestAt = (best + 1) * bucketMs + windowMs + bestTurn * (windowMs + bucketMs)
    if queue then redis.call('HINCRBY', key, 'w:' .. best, 1) end
    return {'limited', math.max(1, bestAt - now), ''}
  end
  local bucket = math.floor(now / bucketMs)
  redis.call('HINCRBY', key, 'r:' .. bucket, 1)
  redis.call('HINCRBY', key, 't:' .. bucket, need)
  if probing then set('probe', probe); set('probeUntil', now + probeMs) end
  redis.call('PEXPIRE', key, 86400000)
  return {'go', probing and 1 or 0, tostring(bucket)}
`;

/**
 * ARGV: windowMs, bucketMs, outcome, probe or '', bucket, correction of its tokens, limit and remaining of requests, limit and
 * remaining of tokens ('' when not said), holdMs, failures that open, first and longest rest of the breaker, how long a
 * failure is remembered.
 */
export const leaveScript = `${head}
  local outcome, probe, bucket = ARGV[3], ARGV[4], ARGV[5]
  local isProbe = probe ~= '' and h['probe'] == probe
  local opensAfter, firstMs, maxMs, rememberMs = tonumber(ARGV[12]), tonumber(ARGV[13]), tonumber(ARGV[14]), tonumber(ARGV[15])
  local changed = ''
  if outcome == 'answered' then
    if isProbe then drop('openUntil', 'opens', 'probe', 'probeUntil', 'fails', 'failedAt'); changed = 'closed'
    elseif not h['openUntil'] then drop('fails', 'failedAt') end
  elseif outcome == 'failed' then
    if isProbe then
      local opens = num('opens') + 1
      set('opens', opens)
      set('openUntil', now + math.min(maxMs, firstMs * 2 ^ math.min(opens, 20)))
      drop('probe', 'probeUntil')
    elseif not h['openUntil'] then
      local fails = (now - num('failedAt') <= rememberMs) and num('fails') + 1 or 1
      set('fails', fails)
      set('failedAt', now)
      if fails >= opensAfter then set('openUntil', now + firstMs); set('opens', 0); changed = 'opened' end
    end
  elseif isProbe then
    drop('probe', 'probeUntil')
  end
  if outcome == 'unused' and num('r:' .. bucket) > 0 then
    redis.call('HINCRBY', key, 'r:' .. bucket, -1)
    requests = requests - 1
  end
  local more = tonumber(ARGV[6])
  if more ~= 0 and h['t:' .. bucket] then
    more = math.max(more, -num('t:' .. bucket))
    redis.call('HINCRBY', key, 't:' .. bucket, more)
    tokens = tokens + more
  end
  -- What the provider counted beyond ours was used by somebody else with this key: it counts from now.
  local current = math.floor(now / bucketMs)
  local function foreign(limitField, limit, remaining, ours, field)
    if limit == '' or tonumber(limit) <= 0 then return end
    set(limitField, limit)
    if remaining == '' then return end
    local used = tonumber(limit) - tonumber(remaining)
    if used > ours then
      redis.call('HINCRBY', key, field .. current, used - ours)
      if field == 't:' then redis.call('HINCRBY', key, 'r:' .. current, 0) end
    end
  end
  foreign('rl', ARGV[7], ARGV[8], requests, 'r:')
  foreign('tl', ARGV[9], ARGV[10], tokens, 't:')
  local hold = tonumber(ARGV[11])
  if hold > 0 and now + hold > num('until') then set('until', now + hold) end
  redis.call('PEXPIRE', key, math.max(86400000, hold + 60000))
  return {changed, 0, ''}
`;
