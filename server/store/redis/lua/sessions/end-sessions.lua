-- Ends sessions and frees their slots.
--
-- Arguments
--   caller_id       the calling broker
--   has_duplicates  whether a session is named more than once
-- Lists
--   session_ids
--   epochs
--   orders          reason|hostId, with the host that orders it, or reason| for a broker
-- Returns per order two texts: +connectionId, record: ended | over, reason | stale, '' | unknown, ''
-- An ended session keeps neither number nor meta: its record only says to late messages why it ended.
-- A freed slot goes to the head of the queue, if an entry waits.
-- Invariants: only an order with the current epoch ends a session; a host ends only its own sessions; a late order changes nothing.
--
-- This script runs for every match and is written for speed, as reserve.lua is.

local ended_until = now_ms + ENDED_KEPT_MS
local ended_times = NO_SLOT .. string.format(TIME_FORMAT, ended_until)

-- Which sessions end ----------------------------------------------------------------------------------

local records = redis.call('HMGET', sessions_key, unpack(session_ids))
-- With duplicates, the records of sessions that this call ended.
local ended_records = has_duplicates and {}
local reply = new_list(item_count * 2)

-- Per ended session: its id, its index in the reply, slot and age. Its share of the host's digest, if it has one. The broker of its
-- client, if that is not the caller. The next ended session of the same host.
local ended, ended_ids, reply_index = 0, new_list(item_count), new_list(item_count)
local slot_of, age_of, share_of, client_broker_of, next_of = new_list(item_count), new_list(item_count), {}, nil, {}
-- Pairs of session and record as HSET takes them.
local stored = new_list(item_count * 2)
-- Per host: its name, and the first and the last of its ended sessions.
local host_count, host_names, first_of, last_of, host_by_name = 0, new_list(item_count), new_list(item_count), new_list(item_count), {}

-- Orders repeat within a call, and many sessions began together: what was read or computed last is kept.
local last_order, ordering_host, ended_head, last_reserved_at, last_age

for i = 1, item_count do
  local id, order = session_ids[i], orders[i]
  local record = ended_records and ended_records[id] or records[i]
  local outcome, detail = 'unknown', ''
  if order ~= last_order then
    local reason
    reason, ordering_host = string.match(order, '^([^|]*)|(.*)$')
    last_order, ended_head = order, ENDED_CODE .. code_of(REASON_CODES, reason) .. ended_times
  end
  if record then
    local after_host = find(record, '|', HOST_AT, true)
    local after_epoch = find(record, '|', after_host + 1, true)
    local state, host_name = sub(record, 1, 1), sub(record, HOST_AT, after_host - 1)
    local epoch = sub(record, after_host + 1, after_epoch - 1)
    if epoch ~= epochs[i] or state == OFFERED_CODE or (ordering_host ~= '' and ordering_host ~= host_name) then
      outcome = 'stale'
    elseif state == ENDED_CODE then
      outcome, detail = 'over', name_of(REASON_CODES, sub(record, 2, 2))
    else
      local after_broker = find(record, '|', after_epoch + 1, true)
      -- '+' stays if the store does not know the host.
      outcome, detail = '+', ended_head .. sub(record, RESERVED_AT, after_broker)
      ended = ended + 1
      local host = host_by_name[host_name]
      if host then
        next_of[last_of[host]] = ended
      else
        host_count = host_count + 1
        host = host_count
        host_names[host], host_by_name[host_name], first_of[host] = host_name, host, ended
      end
      last_of[host] = ended

      local reserved_at = sub(record, RESERVED_AT, HOST_AT - 1)
      if reserved_at ~= last_reserved_at then
        last_reserved_at, last_age = reserved_at, now_ms - tonumber(reserved_at)
      end
      ended_ids[ended], reply_index[ended] = id, i * 2 - 1
      slot_of[ended], age_of[ended] = sub(record, SLOT_AT, SLOT_AT + 1), last_age
      if state ~= RESERVED_CODE then
        share_of[ended] = digest_of(id, tonumber(epoch), name_of(STATE_CODES, state))
      end
      stored[ended * 2 - 1], stored[ended * 2] = id, detail
      local client_broker = sub(record, after_epoch + 1, after_broker - 1)
      if client_broker ~= caller_id then
        client_broker_of = client_broker_of or {}
        client_broker_of[ended] = client_broker
      end
      if ended_records then
        ended_records[id] = detail
      end
    end
  end
  reply[i * 2 - 1], reply[i * 2] = outcome, detail
end

-- What their hosts get back ---------------------------------------------------------------------------

local host_records = host_count > 0 and redis.call('HMGET', hosts_key, unpack(host_names, 1, host_count))
local unpack_record, pack = struct.unpack, struct.pack
local own_connections = caller_id .. '.'
-- Brokers of hosts that are not the caller, by session.
local host_broker_of
-- Pairs of host and record, and of score and host, as HSET and ZADD take them.
local packed, packed_size, scores, scores_size = new_list(host_count * 2), 0, new_list(host_count * 2), 0

for host = 1, host_count do
  local name, record = host_names[host], host_records[host]
  if record then
    local ramping, committed, digest, slots, measured, _, _, state, closed, _, connection = unpack_record(HOST_FORMAT, record)
    local answer, freed = '+' .. connection, ''
    local other_broker = sub(connection, 1, #own_connections) ~= own_connections and broker_of(connection)
    local n = first_of[host]
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
      if other_broker then
        host_broker_of = host_broker_of or {}
        host_broker_of[n] = other_broker
      end
      reply[reply_index[n]] = answer
      n = next_of[n]
    end

    packed[packed_size + 1] = name
    packed[packed_size + 2] = pack('<di4i4', ramping, committed, digest) .. sub(record, AFTER_DIGEST) .. freed
    packed_size = packed_size + 2
    if state == READY and closed ~= CLOSED and committed < slots then
      local score = congestion_of(slots, committed, measured, ramping)
      scores[scores_size + 1], scores[scores_size + 2] = string.format('%d', score), name
      scores_size = scores_size + 2
    end
  end
end

if host_broker_of or client_broker_of then
  for n = 1, ended do
    record_change(host_broker_of and host_broker_of[n] or '', ended_ids[n])
    record_change(client_broker_of and client_broker_of[n] or '', ended_ids[n])
  end
end

-- What is stored --------------------------------------------------------------------------------------

call_with_values('HSET', hosts_key, packed, packed_size)
call_with_values('ZADD', free_key, scores, scores_size)
call_with_values('HSET', sessions_key, stored, ended * 2)
if ended > 0 then
  redis.call('HINCRBY', totals_key, 'sessions', 0 - ended)
  redis.call('HINCRBY', totals_key, 'freed', ended)
end
push_due(ended_key, ended_until, ended_ids, ended)
write_changes()
if redis.call('EXISTS', queue_key) == 1 then
  serve_queue_on_demand()
end
return reply
