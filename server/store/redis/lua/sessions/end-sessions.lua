-- Ends sessions and frees their slots.
--
-- ARGV  3 1 when a session is named more than once
--       4... per order: sessionId, epoch, reason|hostId that asks or nothing
-- Returns per order two texts: +connectionId, record: ended | over, reason | stale, '' | unknown, ''
-- An ended session keeps no meta: it is remembered only so that latecomers can be told of its end.
-- A freed slot goes to the head of the queue, if somebody waits.
-- Keeps: only the current epoch ends a session, a host only its own; a late order does nothing.
--
-- Runs for every match, as reserve.lua does, and is written like it.

local forget_at = now + ENDED_KEPT_MS
local forget = string.format(TIME_FORMAT, forget_at)
local count = (#ARGV - 3) / 3

-- Which sessions end ----------------------------------------------------------------------------------

local ids = list_of(count)
for i = 1, count do
  ids[i] = ARGV[1 + i * 3]
end
local records = redis.call('HMGET', KEYS[5], unpack(ids))
-- What becomes of a session in this call, where one is named again.
local made = ARGV[3] == '1' and {}

local reply, stored = list_of(count * 2), list_of(count * 2)
-- Of each that ends: its host's number, where it stands in the reply, the slot, its age, and the next one of the same host.
local host_of, place_of, slot_of, age_of, next_of = list_of(count), list_of(count), list_of(count), list_of(count), {}
-- Its share of the host's digest, if it has one.
local share_of = {}
local ended = 0
-- Their hosts, with the first and the last of each.
local names, first_of, last_of, number_of_name, hosts = list_of(count), list_of(count), list_of(count), {}, 0

-- One call has the same few orders, and sessions that began together, again and again.
local last_order, asking, reason, ended_head
local last_reserved_at, last_age
-- Brokers of hosts and of clients that are not the caller.
local host_away, client_away
local OFFERED, ENDED, RESERVED = 111, 101, 114

for i = 1, count do
  local at = 1 + i * 3
  local id, order = ids[i], ARGV[at + 2]
  local record = made and made[id] or records[i]
  local kind, detail = 'unknown', ''
  if order ~= last_order then
    last_order = order
    reason, asking = string.match(order, '^([^|]*)|(.*)$')
    ended_head = 'e' .. letter_of(REASONS, reason) .. NO_SLOT .. forget
  end
  if record then
    local after_host = find(record, '|', HOST_AT, true)
    local after_epoch = find(record, '|', after_host + 1, true)
    local state, host, epoch = string.byte(record), sub(record, HOST_AT, after_host - 1), sub(record, after_host + 1, after_epoch - 1)
    if epoch ~= ARGV[at + 1] or state == OFFERED or (asking ~= '' and asking ~= host) then
      kind = 'stale'
    elseif state == ENDED then
      kind, detail = 'over', word_of(REASONS, sub(record, 2, 2))
    else
      local after_broker = find(record, '|', after_epoch + 1, true)
      detail = ended_head .. sub(record, RESERVED_AT, after_broker)
      local reserved_at = sub(record, RESERVED_AT, HOST_AT - 1)
      if reserved_at ~= last_reserved_at then
        last_reserved_at, last_age = reserved_at, now - tonumber(reserved_at)
      end
      ended = ended + 1
      local number = number_of_name[host]
      if number then
        next_of[last_of[number]] = ended
      else
        hosts = hosts + 1
        number = hosts
        names[number], number_of_name[host], first_of[number] = host, number, ended
      end
      last_of[number] = ended
      -- Those before `i` are done with.
      ids[ended], host_of[ended], place_of[ended] = id, number, i * 2 - 1
      slot_of[ended], age_of[ended] = sub(record, SLOT_AT, SLOT_AT + 1), last_age
      if state ~= RESERVED then
        share_of[ended] = digest_of(id, tonumber(epoch), word_of(STATES, sub(record, 1, 1)))
      end
      stored[ended * 2 - 1], stored[ended * 2] = id, detail
      local client_broker = sub(record, after_epoch + 1, after_broker - 1)
      if client_broker ~= caller then
        client_away = client_away or {}
        client_away[ended] = client_broker
      end
      if made then
        made[id] = detail
      end
    end
  end
  reply[i * 2 - 1], reply[i * 2] = kind, detail
end

-- What becomes of their hosts -------------------------------------------------------------------------

local packed, scores, packed_size, scored = list_of(hosts * 2), list_of(hosts * 2), 0, 0
local own_connections = caller .. '.'
local host_records = hosts > 0 and redis.call('HMGET', KEYS[1], unpack(names, 1, hosts))
local pack, unpack_record = struct.pack, struct.unpack
for number = 1, hosts do
  local record = host_records[number]
  local n = first_of[number]
  if not record then
    while n do
      reply[place_of[n]] = '+'
      n = next_of[n]
    end
  else
    local ramping, committed, digest, slots, measured, _, _, state, closed, _, connection = unpack_record(HOST_FORMAT, record)
    local kind, freed = '+' .. connection, ''
    while n do
      committed = committed - 1
      ramping = withdraw_ramping(ramping, slots, age_of[n])
      if share_of[n] then
        digest = bit.bxor(digest, share_of[n])
      end
      -- A host that registered again with fewer slots gets none back until it is below them.
      if committed < slots then
        freed = freed .. slot_of[n]
      end
      reply[place_of[n]] = kind
      n = next_of[n]
    end
    local name = names[number]
    packed[packed_size + 1] = name
    packed[packed_size + 2] = pack('<di4i4', ramping, committed, digest) .. sub(record, AFTER_DIGEST) .. freed
    packed_size = packed_size + 2
    if state == READY and closed == 0 and committed < slots then
      scores[scored + 1], scores[scored + 2] = string.format('%d', congestion_of(slots, committed, measured, ramping)), name
      scored = scored + 2
    end
    if sub(connection, 1, #caller + 1) ~= own_connections then
      host_away = host_away or {}
      host_away[number] = broker_of(connection)
    end
  end
end
if host_away or client_away then
  for n = 1, ended do
    post(host_away and host_away[host_of[n]] or '', ids[n])
    post(client_away and client_away[n] or '', ids[n])
  end
end

call_with('HSET', KEYS[1], packed, packed_size)
call_with('ZADD', KEYS[3], scores, scored)
call_with('HSET', KEYS[5], stored, ended * 2)
if ended > 0 then
  redis.call('HINCRBY', KEYS[9], 'sessions', -ended)
  redis.call('HINCRBY', KEYS[9], 'freed', ended)
end
push_due(KEYS[8], forget_at, ids, ended)
commit_mail()
if redis.call('EXISTS', KEYS[11]) == 1 then
  --#run serve_queue
end
return reply
