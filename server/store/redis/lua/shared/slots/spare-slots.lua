-- Free slots beside those for lost sessions, which come first (ADR 31).

-- The free slots that a host gives to new sessions: one if it is on trial, none if it is silent.
local function slots_to_give(name, record)
  local _, _, _, _, _, heartbeat_at, _, _, closed, _, _, first_free = struct.unpack(HOST_FORMAT, record)
  if now_ms - heartbeat_at > SUSPECT_AFTER_MS then
    return 0
  end
  if closed == ON_TRIAL and redis.call('HEXISTS', failures_key, name) == 1 then
    return 1
  end
  return (#record - first_free + 1) / SLOT_LENGTH
end

-- How many of `wanted` slots are free when each lost session has one. Reads about as many hosts as there are lost sessions and wanted
-- slots, because each in the set has a free one.
local function spare_slots(wanted)
  redis.call('ZREMRANGEBYSCORE', lost_key, '-inf', now_ms)
  local lost, offset, spare = redis.call('ZCARD', lost_key), 0, 0
  if lost == 0 then
    return wanted
  end
  repeat
    local names = redis.call('ZRANGE', free_key, offset, offset + 63)
    local records = #names > 0 and redis.call('HMGET', hosts_key, unpack(names)) or {}
    for i, record in ipairs(records) do
      spare = spare + (record and slots_to_give(names[i], record) or 0)
    end
    offset = offset + #names
  until #names == 0 or spare >= lost + wanted
  return math.max(0, math.min(wanted, spare - lost))
end
