-- Reserves the least-congested slots of one place for k sessions, exactly as k single calls would.
--
-- ARGV  3 milliseconds a reservation lasts
--       4... per session: sessionId, epoch, clientBrokerId|meta
-- Returns per session one text, by its first letter:
--   + hostId|connectionId: reserved | = record: it lives | ! reason: it ended | - full
--   and at the end the place's live sessions and ready slots
-- While somebody waits in the queue nobody gets a slot past it.
-- Keeps: reserved + used never exceed slots; a host that is not ready or silent gets nothing; a session has
--   one assignment.
--
-- k picks touch only the k least congested hosts: before the k-th pick at least one of those is untouched
-- and comes before every other host. So those are read once, in order; a picked host goes to a heap with
-- its new congestion, and each pick takes the lesser of the two fronts.


-- Everything of a host stands in lists at its number: this script runs for every match, and a table per host and
-- session cost more than all its commands together.

local expires_at = now + tonumber(ARGV[3])
local count = (#ARGV - 3) / 3

local session_ids = {}
for i = 1, count do
  session_ids[i] = ARGV[1 + i * 3]
end
local known = redis.call('HMGET', KEYS[5], unpack(session_ids))

-- Hosts that were read, in the order of the sorted set: a host's number is its rank.
local ids, records, slots, committed, measured, ramping, beat_at = {}, {}, {}, {}, {}, {}, {}
local score, stored_score = {}, {}
local picked, silent, stray = {}, {}, {}
local read = 0

-- The order of hosts: congestion, then name. Of two hosts that were read with equal congestion the rank tells.
local function before(a, b)
  if score[a] ~= score[b] then
    return score[a] < score[b]
  end
  if stored_score[a] == stored_score[b] then
    return a < b
  end
  return name_before(ids[a], ids[b])
end

-- Picked hosts that have room left, the least congested on top.
local heap, heap_size = {}, 0

local function push(host)
  heap_size = heap_size + 1
  local i = heap_size
  while i > 1 do
    local parent = math.floor(i / 2)
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
  heap[heap_size] = nil
  heap_size = heap_size - 1
  if heap_size == 0 then
    return top
  end
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

-- Free hosts are read in bulk and unpacked when their turn comes.
local names, texts, next_name, offset = {}, {}, 1, 0

-- Reads the next free host. Returns its number, or nil when there is none.
local function read_host()
  while true do
    if next_name > #names then
      names = redis.call('ZRANGE', KEYS[3], offset, offset + count - 1)
      if #names == 0 then
        return nil
      end
      texts = redis.call('HMGET', KEYS[1], unpack(names))
      offset = offset + #names
      next_name = 1
    end
    local name, record = names[next_name], texts[next_name]
    next_name = next_name + 1
    if record then
      local n = read + 1
      read = n
      local own_slots, own_measured, own_beat_at, _, _, own_committed, own_ramping = struct.unpack(HOST_FORMAT, record)
      ids[n], records[n], slots[n], measured[n], beat_at[n] = name, record, own_slots, own_measured, own_beat_at
      committed[n], ramping[n] = own_committed, own_ramping
      local own_score = congestion_of(own_slots, own_committed, own_measured, own_ramping)
      score[n], stored_score[n] = own_score, own_score
      return n
    end
    -- A name in the order that no host has.
    stray[#stray + 1] = name
  end
end

local front = redis.call('EXISTS', KEYS[11]) == 0 and read_host() or nil

-- The least congested host. A silent one turns suspect when its turn comes, and is passed over.
local function take()
  while true do
    if heap_size > 0 and (not front or before(heap[1], front)) then
      return pop()
    end
    local host = front
    if not host then
      return nil
    end
    front = read_host()
    if now - beat_at[host] <= SUSPECT_AFTER_MS then
      return host
    end
    silent[#silent + 1] = host
  end
end

-- The same session may be asked for twice in one call.
local made = {}
local reply, stored, members, reserved = {}, {}, {}, {}
local times = string.format('|%d|', now)
local due = string.format('|reserved||%d|', expires_at)

-- Takes a slot of a host. Returns what the caller is told of it.
local function reserve(host, id, epoch, rest)
  local name, own_record, own_committed = ids[host], records[host], committed[host]
  local connection, first_slot = struct.unpack('s', own_record, CONNECTION_AT)
  local slot_at = first_slot + own_committed * SLOT_LENGTH
  local slot = string.sub(own_record, slot_at, slot_at + 1)
  local record = epoch .. due .. name .. '|' .. slot .. times .. rest
  made[id] = record
  local n = #reserved
  reserved[n + 1] = id
  n = n * 2
  stored[n + 1] = id
  stored[n + 2] = record
  members[n + 1] = name .. '/' .. slot
  members[n + 2] = id
  picked[host] = true
  own_committed = own_committed + 1
  local own_slots = slots[host]
  local own_ramping = ramping[host] + math.floor(FULL / own_slots)
  committed[host], ramping[host] = own_committed, own_ramping
  score[host] = congestion_of(own_slots, own_committed, measured[host], own_ramping)
  if own_committed < own_slots then
    push(host)
  end
  post(broker_of[connection], id)
  return '+' .. name .. '|' .. connection
end

for i = 1, count do
  local at = 1 + i * 3
  local id, epoch = session_ids[i], ARGV[at + 1]
  local record = made[id] or known[i]
  local known_epoch, known_state, reason
  if record then
    known_epoch, known_state, reason = string.match(record, '^(%d+)|(%a+)|([%a_]*)|')
  end
  if record and known_state ~= 'ended' then
    reply[i] = '=' .. record
  elseif record and tonumber(known_epoch) >= tonumber(epoch) then
    reply[i] = '!' .. reason
  else
    local host = take()
    reply[i] = host and reserve(host, id, epoch, ARGV[at + 2]) or '-'
  end
end

local packed, scores, taken = {}, {}, stray

for host in pairs(picked) do
  local record = records[host]
  packed[#packed + 1] = ids[host]
  packed[#packed + 1] = string.sub(record, 1, COMMITTED_AT - 1) .. struct.pack('<i4d', committed[host], ramping[host])
    .. string.sub(record, DIGEST_AT)
  if committed[host] < slots[host] then
    scores[#scores + 1] = score[host]
    scores[#scores + 1] = ids[host]
  else
    taken[#taken + 1] = ids[host]
  end
end
local freed_slots = 0
for _, host in ipairs(silent) do
  local record = records[host]
  packed[#packed + 1] = ids[host]
  packed[#packed + 1] = string.sub(record, 1, COMMITTED_AT - 2) .. string.char(SUSPECT) .. string.sub(record, COMMITTED_AT)
  taken[#taken + 1] = ids[host]
  freed_slots = freed_slots - slots[host]
end

call_with('HSET', KEYS[1], packed)
call_with('ZADD', KEYS[3], scores)
call_with('ZREM', KEYS[3], taken)
call_with('HSET', KEYS[5], stored)
call_with('HSET', KEYS[6], members)
push_due(KEYS[7], expires_at, reserved)
commit_mail()
reply[count + 1] = redis.call('HINCRBY', KEYS[9], 'sessions', #reserved)
reply[count + 2] = redis.call('HINCRBY', KEYS[9], 'slots', freed_slots)
return reply
