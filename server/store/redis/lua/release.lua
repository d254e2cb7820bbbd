-- Ends sessions and frees their slots.
--
-- ARGV  3... per order: sessionId, epoch, reason, hostId that asks or ''
-- Returns per order two texts: +connectionId, record: ended | over, reason | stale, '' | unknown, ''
-- An ended session keeps no meta: it is remembered only so that latecomers can be told of its end.
-- A freed slot goes to the head of the queue, if somebody waits: serve() is what the other scripts of a place run.
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
local freed_slots, freed_ages, digests = {}, {}, {}
local names = {}
-- The same session may be named twice in one call.
local made = {}
local ended_hosts, ended_brokers, ended_at = {}, {}, {}

for i = 1, count do
  local id, at = ids[i], i * 4
  local epoch, reason, asking = ARGV[at], ARGV[at + 1], ARGV[at + 2]
  local record = made[id] or records[i]
  local kind, detail = 'unknown', ''
  if record then
    local known_epoch, state, known_reason, host, slot, reserved_at, broker =
      string.match(record, '^(%d+)|(%a+)|([%a_]*)|%d+|([^|]*)|(%a*)|(%d+)|([^|]*)|')
    if known_epoch ~= epoch or state == 'offered' or (asking ~= '' and asking ~= host) then
      kind = 'stale'
    elseif state == 'ended' then
      kind, detail = 'over', known_reason
    else
      detail = epoch .. '|ended|' .. reason .. forget .. host .. '|' .. slot .. '|' .. reserved_at .. '|' .. broker .. '|'
      made[id] = detail
      local n = #ended + 1
      ended[n], ended_hosts[n], ended_brokers[n], ended_at[n] = id, host, broker, i
      stored[n * 2 - 1] = id
      stored[n * 2] = detail
      local freed = freed_slots[host]
      if not freed then
        names[#names + 1] = host
        freed_slots[host], freed_ages[host], digests[host] = slot, { now - reserved_at }, 0
      else
        freed_slots[host] = freed .. slot
        local ages = freed_ages[host]
        ages[#ages + 1] = now - reserved_at
      end
      if state ~= 'reserved' then
        digests[host] = bit.bxor(digests[host], digest_of(id, tonumber(epoch), state))
      end
    end
  end
  reply[i * 2 - 1] = kind
  reply[i * 2] = detail
end

-- Hosts: slots, loads and the order; and whom to tell.
local connections = {}
local packed, scores = {}, {}
local hosts = #names > 0 and redis.call('HMGET', KEYS[1], unpack(names)) or {}
for i, name in ipairs(names) do
  local record = hosts[i]
  if record then
    local slots, measured, _, _, state, committed, ramping, digest, connection, first_slot =
      struct.unpack(HOST_FORMAT, record)
    local order = string.sub(record, first_slot)
    local freed = freed_slots[name]
    for at = 1, #freed, SLOT_LENGTH do
      order = give_back(order, committed, string.sub(freed, at, at + 1))
      committed = committed - 1
    end
    for _, age_ms in ipairs(freed_ages[name]) do
      ramping = withdraw_ramping(ramping, slots, age_ms)
    end
    connections[name] = connection
    packed[#packed + 1] = name
    packed[#packed + 1] = string.sub(record, 1, COMMITTED_AT - 1)
      .. struct.pack('<i4di4s', committed, ramping, bit.bxor(digest, digests[name]), connection) .. order
    if state == READY and committed < slots then
      scores[#scores + 1] = congestion_of(slots, committed, measured, ramping)
      scores[#scores + 1] = name
    end
  end
end
for n, id in ipairs(ended) do
  local connection = connections[ended_hosts[n]]
  if connection then
    post(broker_of[connection], id)
  end
  post(ended_brokers[n], id)
  reply[ended_at[n] * 2 - 1] = '+' .. (connection or '')
end

call_with('HSET', KEYS[1], packed)
call_with('ZADD', KEYS[3], scores)
call_with('HSET', KEYS[5], stored)
if #ended > 0 then
  redis.call('HINCRBY', KEYS[9], 'sessions', -#ended)
  redis.call('HINCRBY', KEYS[9], 'freed', #ended)
end
push_due(KEYS[8], forget_at, ended)
commit_mail()
if redis.call('EXISTS', KEYS[11]) == 1 then
  serve()
end
return reply
