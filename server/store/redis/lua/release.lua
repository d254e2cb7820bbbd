-- Ends sessions and frees their slots.
--
-- ARGV  3... per order: sessionId, epoch, reason, hostId that asks or ''
-- Returns per order three texts: ended, record, connectionId | over, reason, '' | stale, '', '' | unknown, '', ''
-- An ended session keeps no meta: it is remembered only so that latecomers can be told of its end.
-- Keeps: only the current epoch ends a session, a host only its own; a late order does nothing.


-- Runs for every match, as reserve.lua does: no table per host and session.

local forget_at = now + ENDED_KEPT_MS
local forget = string.format('|%d|', forget_at)
local count = (#ARGV - 2) / 4

local ids = {}
for i = 1, count do
  ids[i] = ARGV[i * 4 - 1]
end
local records = redis.call('HMGET', KEYS[5], unpack(ids))

-- What can end, by what is stored: its host, and what the record becomes.
local reply, stored, ended = {}, {}, {}
local host_ages, digests = {}, {}
local names = {}
-- The same session may be named twice in one call.
local made = {}
local ended_hosts, ended_brokers = {}, {}

for i = 1, count do
  local id, at = ids[i], i * 4
  local epoch, reason, asking = ARGV[at], ARGV[at + 1], ARGV[at + 2]
  local record = made[id] or records[i]
  local kind, detail, name = 'unknown', '', ''
  if record then
    local known_epoch, state, known_reason, host, reserved_at, broker =
      string.match(record, '^(%d+)|(%a+)|([%a_]*)|%d+|([^|]*)|(%d+)|([^|]*)|')
    if known_epoch ~= epoch or (asking ~= '' and asking ~= host) then
      kind = 'stale'
    elseif state == 'ended' then
      kind, detail = 'over', known_reason
    else
      kind, name = 'ended', host
      detail = epoch .. '|ended|' .. reason .. forget .. host .. '|' .. reserved_at .. '|' .. broker .. '|'
      made[id] = detail
      stored[#stored + 1] = id
      stored[#stored + 1] = detail
      ended[#ended + 1] = id
      ended_hosts[#ended] = host
      ended_brokers[#ended] = broker
      local ages = host_ages[host]
      if not ages then
        ages = {}
        host_ages[host] = ages
        digests[host] = 0
        names[#names + 1] = host
      end
      ages[#ages + 1] = now - tonumber(reserved_at)
      if state ~= 'reserved' then
        digests[host] = bit.bxor(digests[host], digest_of(id, tonumber(epoch), state))
      end
    end
  end
  reply[i * 3 - 2] = kind
  reply[i * 3 - 1] = detail
  reply[i * 3] = name
end

-- Hosts: slots, loads and the order; and whom to tell.
local connections = {}
local packed, scores = {}, {}
local hosts = #names > 0 and redis.call('HMGET', KEYS[1], unpack(names)) or {}
for i, name in ipairs(names) do
  if hosts[i] then
    local number, slots, committed, measured, ramping, beat_at, missing_at, digest, state, connection =
      struct.unpack(HOST_FORMAT, hosts[i])
    committed = committed - #host_ages[name]
    for _, age_ms in ipairs(host_ages[name]) do
      ramping = withdraw_ramping(ramping, slots, age_ms)
    end
    connections[name] = connection
    packed[#packed + 1] = name
    packed[#packed + 1] = struct.pack(HOST_FORMAT, number, slots, committed, measured, ramping, beat_at, missing_at,
      bit.bxor(digest, digests[name]), state, connection)
    if state == READY and committed < slots then
      scores[#scores + 1] = congestion_of(slots, committed, measured, ramping)
      scores[#scores + 1] = name
    end
  end
end
for i, id in ipairs(ended) do
  local connection = connections[ended_hosts[i]]
  if connection then
    post(broker_of[connection], id)
  end
  post(ended_brokers[i], id)
end
for i = 3, count * 3, 3 do
  if reply[i] ~= '' then
    reply[i] = connections[reply[i]] or ''
  end
end

call_with('HSET', KEYS[1], packed)
call_with('ZADD', KEYS[3], scores)
call_with('HSET', KEYS[5], stored)
call_with('ZREM', KEYS[6], ended)
push_due(KEYS[8], forget_at, ended)
commit_mail()
return reply
