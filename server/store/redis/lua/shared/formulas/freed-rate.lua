-- How fast the slots of a region pool become free.

-- Measures the rate if the last measurement is at least a second ago. Returns slots per millisecond, '' before the first one.
-- The rate is a moving average; see RATE_MEMORY_MS in store-options.ts.
local function measure_freed_rate(key)
  local totals = redis.call('HMGET', key, 'freed', 'rateAt', 'rateFreed', 'rate')
  local freed_so_far = tonumber(totals[1] or '0')
  local rate = totals[4] or ''
  local elapsed = totals[2] and now_ms - totals[2]
  if not elapsed then
    redis.call('HSET', key, 'rateAt', now_ms, 'rateFreed', freed_so_far)
  elseif elapsed >= 1000 then
    local present = (freed_so_far - totals[3]) / elapsed
    local weight = elapsed / (elapsed + RATE_MEMORY_MS)
    rate = string.format('%.17g', rate == '' and present or rate + weight * (present - rate))
    redis.call('HSET', key, 'rateAt', now_ms, 'rateFreed', freed_so_far, 'rate', rate)
  end
  return rate
end
