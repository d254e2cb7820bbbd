-- Reserves the least-congested slots of one place for k sessions, exactly as k single calls would.
--
-- ARGV  3 milliseconds a reservation lasts
--       4 1 when a session is named more than once  5... per session: sessionId, epoch|clientBrokerId|meta
-- Returns per session one text, by its first letter:
--   + hostId|connectionId: reserved | = record: it lives | ! reason: it ended | - full | / the place is closed
--   and at the end the place's live sessions and ready slots
-- While somebody waits in the queue nobody gets a slot past it.
-- Keeps: reserved + used never exceed slots; a host that is not ready or silent gets nothing; a session has
--   one assignment.
--
-- This script runs for every match, and is written for it. What costs most in Lua as Redis has it is, in this order,
-- every step of the interpreter, every character of every text that is made, and every table. So everything of a host
-- stands in lists at its number, what is used once stands where it is used, and lists begin at their full size.

local expires_at = now + tonumber(ARGV[3])
local count = (#ARGV - 4) / 2

-- Which sessions want a slot --------------------------------------------------------------------------

-- sessionId, record, ...: as it is stored, once the second of each is its record.
local stored = { unpack(ARGV, 5) }
local ids = list_of(count)
for i = 1, count do
  ids[i] = stored[i * 2 - 1]
end
-- Becomes the reply: of what is known of each session, what is told of it.
local reply = redis.call('HMGET', KEYS[5], unpack(ids))

-- What is told of a session that may not have another assignment, or nil.
local function bound(record, rest)
  if sub(record, 1, 1) ~= 'e' then
    return '=' .. record
  end
  local known_epoch, epoch = string.match(record, '|(%d+)|', HOST_AT), string.match(rest, '^%d+')
  return tonumber(known_epoch) >= tonumber(epoch) and '!' .. word_of(REASONS, sub(record, 2, 2)) or nil
end

-- Operators closed the place: it takes nothing new.
local closure = redis.call('HGET', KEYS[9], 'closure')
local wanting, wanted = list_of(count), 0
-- Sessions that want a slot, where some are named again; and the numbers that ask again.
local named, again = ARGV[4] == '1' and {}, {}
for i = 1, count do
  local told = reply[i] and bound(reply[i], stored[i * 2])
  if named and named[ids[i]] then
    again[#again + 1] = i
    reply[i] = told or closure and '/' or '-'
  elseif told then
    reply[i] = told
  else
    wanted = wanted + 1
    wanting[wanted] = i
    if named then
      named[ids[i]] = true
    end
  end
end

-- Which hosts they get --------------------------------------------------------------------------------
--
-- k picks touch only the k least congested hosts: before the k-th pick at least one of those is untouched
-- and comes before every other host. So those are read in order, each when its turn may have come; a picked host goes
-- to a heap with its new congestion, and each pick takes the lesser of the two fronts.

-- Hosts that are picked, in the order in which they came to the front.
local names, records, slots, measured = list_of(count), list_of(count), list_of(count), list_of(count)
local committed, ramping, left, answers = list_of(count), list_of(count), list_of(count), list_of(count)
-- Congestion as it is now, and as it was before.
local score, stored_score = list_of(count), list_of(count)
local hosts = 0

-- The order of picked hosts: congestion, then name. Of two that had equal congestion the one that came first tells.
local function before(a, b)
  if score[a] ~= score[b] then
    return score[a] < score[b]
  end
  if stored_score[a] == stored_score[b] then
    return a < b
  end
  return name_before(names[a], names[b])
end

-- Picked hosts that have room left, the least congested on top.
local heap, heap_size = list_of(count), 0

local function sift_up(i)
  local host = heap[i]
  while i > 1 do
    local parent = floor(i / 2)
    if not before(host, heap[parent]) then
      break
    end
    heap[i] = heap[parent]
    i = parent
  end
  heap[i] = host
end

local function pop()
  local top, last = heap[1], heap[heap_size]
  heap_size = heap_size - 1
  local i = 1
  while true do
    local child = i * 2
    if child > heap_size then
      break
    end
    if child < heap_size and before(heap[child + 1], heap[child]) then
      child = child + 1
    end
    if not before(heap[child], last) then
      break
    end
    heap[i] = heap[child]
    i = child
  end
  heap[i] = last
  return top
end

-- The first host that is not picked: nil before it is read, false when there is none. Nobody passes those who wait.
local front
if closure or redis.call('EXISTS', KEYS[11]) == 1 then
  front = false
end
local front_record, front_score, front_slots, front_measured, front_committed, front_ramping, front_beat_at, _
local bulk, bulk_records, bulk_size, next_of_bulk, offset = nil, nil, 0, 1, 0

-- Hosts that turn suspect because they are silent when their turn comes; names that stand in the order no longer.
local silent, silent_slots, gone = {}, 0, {}

-- The host of each who gets one.
local picked, picks = list_of(count), 0
local unpack_record = struct.unpack

while picks < wanted do
  if front == nil then
    if next_of_bulk > bulk_size then
      bulk = redis.call('ZRANGE', KEYS[3], offset, offset + count - 1)
      bulk_size, next_of_bulk, offset = #bulk, 1, offset + #bulk
      bulk_records = bulk_size > 0 and redis.call('HMGET', KEYS[1], unpack(bulk))
    end
    local record = bulk_records and bulk_records[next_of_bulk]
    if record then
      front, front_record = bulk[next_of_bulk], record
      front_ramping, front_committed, _, front_slots, front_measured, front_beat_at = unpack_record(HOST_FORMAT, record)
      front_score = congestion_of(front_slots, front_committed, front_measured, front_ramping)
    elseif bulk_records then
      -- A name in the order that no host has.
      gone[#gone + 1] = bulk[next_of_bulk]
    else
      front = false
    end
    next_of_bulk = next_of_bulk + 1
  end

  if front ~= nil then
    local host
    local top = heap_size > 0 and heap[1]
    -- Of equal ones the picked came to the front earlier.
    if top and (not front or score[top] < front_score or score[top] == front_score
      and (stored_score[top] == front_score or name_before(names[top], front))) then
      host = pop()
    elseif not front then
      break
    elseif now - front_beat_at > SUSPECT_AFTER_MS then
      silent[#silent + 1] = { name = front, record = front_record }
      silent_slots = silent_slots + front_slots
      front = nil
    else
      hosts = hosts + 1
      host = hosts
      local connection, first_free = unpack_record('s', front_record, CONNECTION_AT)
      names[host], records[host], slots[host], measured[host] = front, front_record, front_slots, front_measured
      committed[host], ramping[host], stored_score[host] = front_committed, front_ramping, front_score
      left[host], answers[host] = #front_record - first_free + 1, '+' .. front .. '|' .. connection
      front = nil
    end
    if host then
      picks = picks + 1
      picked[picks] = host
      local own_slots, own_committed = slots[host], committed[host] + 1
      local own_ramping, room = ramping[host] + floor(FULL / own_slots), left[host] - SLOT_LENGTH
      local own_score = congestion_of(own_slots, own_committed, measured[host], own_ramping)
      committed[host], ramping[host], left[host], score[host] = own_committed, own_ramping, room, own_score
      if room > 0 then
        heap_size = heap_size + 1
        heap[heap_size] = host
        if heap_size > 1 and own_score <= score[heap[(heap_size - heap_size % 2) / 2]] then
          sift_up(heap_size)
        end
      end
    end
  end
end

-- What is told and stored -----------------------------------------------------------------------------

local members, taken = list_of(count * 2), list_of(hosts)
for host = 1, hosts do
  taken[host] = 0
end
local times = string.format(TIME_FORMAT, expires_at) .. string.format(TIME_FORMAT, now)
local own_connections = caller .. '.'

for n = 1, picks do
  -- Those before `i` are done with, and the lists hold what is stored up to `n`.
  local i, host = wanting[n], picked[n]
  local id, name, answer, number = ids[i], names[host], answers[host], taken[host] + SLOT_LENGTH
  local slot = sub(records[host], -number, SLOT_LENGTH - number - 1)
  ids[n], taken[host] = id, number
  stored[n * 2 - 1], stored[n * 2] = id, 'r-' .. slot .. times .. name .. '|' .. stored[i * 2]
  members[n * 2 - 1], members[n * 2] = name .. '/' .. slot, id
  reply[i] = answer
  local connection_at = #name + 3
  if sub(answer, connection_at, connection_at + #caller) ~= own_connections then
    post(broker_of(sub(answer, connection_at)), id)
  end
end
for n = picks + 1, wanted do
  reply[wanting[n]] = closure and '/' or '-'
end
if named then
  local record_of = {}
  for n = 1, picks do
    record_of[stored[n * 2 - 1]] = '=' .. stored[n * 2]
  end
  for _, i in ipairs(again) do
    reply[i] = record_of[ARGV[3 + i * 2]] or reply[i]
  end
end

local packed, scores, scored, pack = list_of(hosts * 2), list_of(hosts * 2), 0, struct.pack
for host = 1, hosts do
  local name = names[host]
  packed[host * 2 - 1] = name
  packed[host * 2] = pack('<di4', ramping[host], committed[host]) .. sub(records[host], AFTER_COMMITTED, -taken[host] - 1)
  if left[host] > 0 then
    scores[scored + 1], scores[scored + 2] = string.format('%d', score[host]), name
    scored = scored + 2
  else
    gone[#gone + 1] = name
  end
end

call_with('HSET', KEYS[1], packed, hosts * 2)
call_with('ZADD', KEYS[3], scores, scored)
call_with('HSET', KEYS[5], stored, picks * 2)
call_with('HSET', KEYS[6], members, picks * 2)
push_due(KEYS[7], expires_at, ids, picks)
for _, host in ipairs(silent) do
  local suspect = sub(host.record, 1, STATE_AT - 1) .. string.char(SUSPECT) .. sub(host.record, STATE_AT + 1)
  redis.call('HSET', KEYS[1], host.name, suspect)
  gone[#gone + 1] = host.name
end
call_with('ZREM', KEYS[3], gone)
commit_mail()
reply[count + 1] = redis.call('HINCRBY', KEYS[9], 'sessions', picks)
reply[count + 2] = redis.call('HINCRBY', KEYS[9], 'slots', 0 - silent_slots)
return reply
