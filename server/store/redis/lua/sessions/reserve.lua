-- Reserves the least congested slots of a region pool for k sessions, exactly as k single calls would.
--
-- Arguments
--   caller_id       the calling broker
--   reservation_ms  how long a reservation lasts
--   has_duplicates  whether a session is named more than once
-- Lists
--   session_ids
--   assignments     epoch|clientBrokerId|meta
-- Returns per session one text, by its first character:
--   + hostId|connectionId: reserved | = record: the session lives | ! reason: it ended | - full | / the region pool is closed
--   and at the end the live sessions of the region pool and the slots of its ready hosts
-- Invariants: reserved and used slots never exceed the slots of a host; a host that is silent or not ready gets nothing; a session
--   has one assignment; while an entry waits in the queue, no session gets a slot, except lost sessions, which come first.
--
-- This script runs for every match. Most expensive in Redis's Lua are steps of the interpreter, characters of new texts, and new
-- tables: hence lists of their full size, and one table per host that gets a session (ADR 11).

-- Which sessions need a slot --------------------------------------------------------------------------

local closure = redis.call('HGET', totals_key, 'closure')
-- Becomes the reply: the stored record of each session is replaced by the answer about it.
local reply = redis.call('HMGET', sessions_key, unpack(session_ids))
-- Indices of the sessions that need a slot; with duplicates also their ids, and the indices at which one is named again.
local unplaced, unplaced_count = new_list(item_count), 0
local seen_ids, repeats = has_duplicates and {}, {}

-- The answer about a session that the store knows, or nil when it may be reserved under this epoch.
local function answer_known(record, assignment)
  if sub(record, 1, 1) ~= ENDED_CODE then
    return '=' .. record
  end
  local known_epoch, epoch = string.match(record, '|(%d+)|', HOST_AT), string.match(assignment, '^%d+')
  return tonumber(known_epoch) >= tonumber(epoch) and '!' .. name_of(REASON_CODES, sub(record, 2, 2)) or nil
end

for i = 1, item_count do
  local answer = reply[i] and answer_known(reply[i], assignments[i])
  if seen_ids and seen_ids[session_ids[i]] then
    repeats[#repeats + 1] = i
    reply[i] = answer or closure and '/' or '-'
  elseif answer then
    reply[i] = answer
  else
    unplaced_count = unplaced_count + 1
    unplaced[unplaced_count] = i
    if seen_ids then
      seen_ids[session_ids[i]] = true
    end
  end
end

-- Which hosts they get --------------------------------------------------------------------------------
--
-- k picks touch only the k least congested hosts: before the k-th pick at least one of those is untouched and comes before
-- every other host. So hosts are read in their order, each when its turn may have come; a picked host goes to a heap with its
-- new congestion, and each pick takes the lesser of the next host read and the top of the heap.

-- Picked hosts. Silent ones become suspect when their turn comes. Names that leave the set of free hosts.
local picked, picked_count, silent, not_free = new_list(unplaced_count), 0, {}, {}
local own_connections = caller_id .. '.'
local unpack_record = struct.unpack

local page, records, page_size, page_index, offset = nil, nil, 0, 0, 0

-- The next host in the order of the set, or false. Reads as many at once as sessions may need.
local function read_host()
  while true do
    if page_index == page_size then
      page = redis.call('ZRANGE', free_key, offset, offset + item_count - 1)
      page_size, page_index, offset = #page, 0, offset + #page
      if page_size == 0 then
        return false
      end
      records = redis.call('HMGET', hosts_key, unpack(page))
    end
    page_index = page_index + 1
    local name, record = page[page_index], records[page_index]
    if record then
      local ramping, committed, _, slots, measured, heartbeat_at, _, _, closed, _, connection, first_free =
        unpack_record(HOST_FORMAT, record)
      local score = congestion_of(slots, committed, measured, ramping)
      -- A host on trial gets one session. Its failures may be forgotten since it was marked.
      local trial = closed == ON_TRIAL and redis.call('HEXISTS', failures_key, name) == 1
      return {
        name = name,
        record = record,
        rank = offset + page_index,
        slots = slots,
        committed = committed,
        measured = measured,
        ramping = ramping,
        heartbeat_at = heartbeat_at,
        score = score,
        stored_score = score,
        free = trial and SLOT_LENGTH or #record - first_free + 1,
        trial = trial,
        taken_length = 0,
        answer = '+' .. name .. '|' .. connection,
        other_broker = sub(connection, 1, #own_connections) ~= own_connections and broker_of(connection),
      }
    end
    not_free[#not_free + 1] = name
  end
end

-- Whether a comes before b, of two hosts with equal congestion: by name. If their stored congestion was equal too, the set has the
-- order.
local function is_before(a, b)
  if a.stored_score == b.stored_score then
    return a.rank < b.rank
  end
  return name_before(a.name, b.name)
end

-- Picked hosts with a free slot, the least congested on top.
local heap, heap_size = new_list(unplaced_count), 0

local function push(host)
  local i, score = heap_size + 1, host.score
  heap_size = i
  while i > 1 do
    local parent = (i - i % 2) / 2
    local above = heap[parent]
    if score > above.score or score == above.score and not is_before(host, above) then
      break
    end
    heap[i] = above
    i = parent
  end
  heap[i] = host
end

local function pop()
  local top, last, size = heap[1], heap[heap_size], heap_size - 1
  heap_size = size
  local i = 1
  while i * 2 <= size do
    local child = i * 2
    local below, other = heap[child], heap[child + 1]
    if child < size and (other.score < below.score or other.score == below.score and is_before(other, below)) then
      child, below = child + 1, other
    end
    if last.score < below.score or last.score == below.score and is_before(last, below) then
      break
    end
    heap[i] = below
    i = child
  end
  heap[i] = last
  return top
end

-- What the sessions get -------------------------------------------------------------------------------

local expires_at = now_ms + reservation_ms
local record_head, times = RESERVED_CODE .. '-', string.format(TIME_FORMAT, expires_at) .. string.format(TIME_FORMAT, now_ms)
local placed, placed_ids = 0, new_list(unplaced_count)
-- Pairs of session and record, and of slot and session, as HSET takes them.
local stored, in_slots = new_list(unplaced_count * 2), new_list(unplaced_count * 2)

-- The host that was read and not picked: nil before it is read, false when there is none.
local front
if closure then
  front = false
elseif redis.call('EXISTS', queue_key, lost_key) > 0 then
  -- Lost sessions may have any free slot: with each of them the slots that are kept become fewer. Others may have spare ones, if nobody
  -- waits.
  local spare = redis.call('EXISTS', queue_key) == 0 and spare_slots(unplaced_count) or 0
  local may_have, may_have_count = new_list(unplaced_count), 0
  for n = 1, unplaced_count do
    local i = unplaced[n]
    local until_ms = redis.call('ZSCORE', lost_key, session_ids[i])
    local is_lost = until_ms and tonumber(until_ms) > now_ms
    if is_lost then
      redis.call('ZREM', lost_key, session_ids[i])
    end
    if is_lost or spare > 0 then
      may_have_count = may_have_count + 1
      may_have[may_have_count] = i
      spare = is_lost and spare or spare - 1
    else
      reply[i] = '-'
    end
  end
  unplaced, unplaced_count = may_have, may_have_count
end

while placed < unplaced_count do
  if front == nil then
    front = read_host()
  end
  local host, top = front, heap_size > 0 and heap[1]
  if top and (not front or top.score < front.score or top.score == front.score and is_before(top, front)) then
    host = pop()
  elseif front then
    front = nil
  else
    break
  end

  local slots, taken_length = host.slots, host.taken_length + SLOT_LENGTH
  if taken_length == SLOT_LENGTH and now_ms - host.heartbeat_at > SUSPECT_AFTER_MS then
    silent[#silent + 1] = host
  else
    if taken_length == SLOT_LENGTH then
      picked_count = picked_count + 1
      picked[picked_count] = host
    end
    placed = placed + 1
    local i, name, last = unplaced[placed], host.name, placed * 2
    local id, slot = session_ids[i], sub(host.record, -taken_length, SLOT_LENGTH - taken_length - 1)
    placed_ids[placed] = id
    stored[last - 1], stored[last] = id, record_head .. slot .. times .. name .. '|' .. assignments[i]
    in_slots[last - 1], in_slots[last] = name .. '/' .. slot, id
    reply[i] = host.answer
    if host.other_broker then
      record_change(host.other_broker, id)
    end

    local committed, ramping = host.committed + 1, host.ramping + floor(FULL / slots)
    host.taken_length, host.committed, host.ramping = taken_length, committed, ramping
    host.score = congestion_of(slots, committed, host.measured, ramping)
    if taken_length < host.free then
      push(host)
    end
  end
end

for n = placed + 1, unplaced_count do
  reply[unplaced[n]] = closure and '/' or '-'
end
if #repeats > 0 then
  local record_of = {}
  for n = 1, placed do
    record_of[placed_ids[n]] = '=' .. stored[n * 2]
  end
  for _, i in ipairs(repeats) do
    reply[i] = record_of[session_ids[i]] or reply[i]
  end
end

-- What is stored --------------------------------------------------------------------------------------

-- The slots of hosts that count no longer: they were on trial, or silent.
local lost_slots = 0

-- Where CLOSED stands in the part of a record behind `committed`.
local CLOSED_IN_REST = CLOSED_AT - AFTER_COMMITTED + 1
local packed, scores, scored, pack = new_list(picked_count * 2), new_list(picked_count * 2), 0, struct.pack
for n = 1, picked_count do
  local host = picked[n]
  local rest = sub(host.record, AFTER_COMMITTED, -host.taken_length - 1)
  if host.trial then
    rest = sub(rest, 1, CLOSED_IN_REST - 1) .. string.char(CLOSED) .. sub(rest, CLOSED_IN_REST + 1)
    lost_slots = lost_slots + host.slots
    trials[#trials + 1] = host.name
  end
  packed[n * 2 - 1] = host.name
  packed[n * 2] = pack('<di4', host.ramping, host.committed) .. rest
  if host.taken_length < host.free then
    scores[scored + 1], scores[scored + 2] = string.format('%d', host.score), host.name
    scored = scored + 2
  else
    not_free[#not_free + 1] = host.name
  end
end

for _, host in ipairs(silent) do
  local suspect = sub(host.record, 1, STATE_AT - 1) .. string.char(SUSPECT) .. sub(host.record, STATE_AT + 1)
  redis.call('HSET', hosts_key, host.name, suspect)
  lost_slots = lost_slots + host.slots
  not_free[#not_free + 1] = host.name
end

call_with_values('HSET', hosts_key, packed, picked_count * 2)
call_with_values('ZADD', free_key, scores, scored)
call_with_values('ZREM', free_key, not_free)
call_with_values('HSET', sessions_key, stored, placed * 2)
call_with_values('HSET', members_key, in_slots, placed * 2)
push_due(reserved_key, expires_at, placed_ids, placed)
write_changes()
if #trials > 0 then
  close_trials_on_demand()
end
reply[item_count + 1] = redis.call('HINCRBY', totals_key, 'sessions', placed)
-- `-lost_slots` would give the text '-0', which HINCRBY refuses.
reply[item_count + 2] = redis.call('HINCRBY', totals_key, 'slots', 0 - lost_slots)
return reply
