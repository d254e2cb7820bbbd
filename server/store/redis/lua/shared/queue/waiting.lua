-- Entries that wait, or that were offered a slot: epoch|arrivedAtMs|score|misses|clientBrokerId|meta.

-- The entry, or nil when it does not wait here.
local function load_waiting(id)
  local text = redis.call('HGET', waiting_key, id)
  if not text then
    return nil
  end
  local epoch, arrived_at, score, misses, broker, meta = string.match(text, '^(%d+)|(%d+)|(-?%d+)|(%d)|([^|]*)|(.*)$')
  return {
    id = id,
    epoch = number_of[epoch],
    arrived_at = number_of[arrived_at],
    score = number_of[score],
    misses = number_of[misses],
    broker = broker,
    meta = meta,
  }
end

local function save_waiting(waiting)
  local text = text_of[waiting.epoch] .. '|' .. text_of[waiting.arrived_at] .. '|' .. text_of[waiting.score] .. '|'
    .. text_of[waiting.misses] .. '|' .. waiting.broker .. '|' .. waiting.meta
  redis.call('HSET', waiting_key, waiting.id, text)
end
