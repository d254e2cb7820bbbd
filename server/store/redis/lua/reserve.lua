-- Reserves the least-congested slots of one place for k sessions, exactly as k single calls would.
--
-- ARGV  3 milliseconds a reservation lasts  4 silence in milliseconds that makes a host suspect
--       5... per session: sessionId, epoch, clientBrokerId, meta
-- Returns per session three texts:
--   reserved, hostId, connectionId | existing, record, '' | over, reason, '' | full, '', ''
--   and at the end the place's live sessions and ready slots
-- Keeps: reserved + used never exceed slots; a host that is not ready or silent gets nothing; a session has
--   one assignment.
--
-- k picks touch only the k least congested hosts: before the k-th pick at least one of those is untouched
-- and comes before every other host. So those are read once, in order; a picked host goes to a heap with
-- its new congestion, and each pick takes the lesser of the two fronts.


-- Everything of a host stands in lists at its number: this script runs for every match, and a table per host and
-- session cost more than all its commands together.

local expires_at = now + tonumber(ARGV[3])
local suspect_after = tonumber(ARGV[4])
local count = (#ARGV - 4) / 4

local session_ids = {}
for i = 1, count do
  session_ids[i] = ARGV[1 + i * 4]
end
local known = redis.call('HMGET', KEYS[5], unpack(session_ids))

-- Hosts that were read, in the order of the sorted set: a host's number is its rank.
local ids, numbers, slots, committed, measured, ramping, beat_at = {}, {}, {}, {}, {}, {}, {}
local missing_at, digest, connection, state, score, stored_score = {}, {}, {}, {}, {}, {}
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
local names, records, next_name, offset = {}, {}, 1, 0

-- Reads the next free host. Returns its number, or nil when there is none.
local function read_host()
  while true do
    if next_name > #names then
      names = redis.call('ZRANGE', KEYS[3], offset, offset + count - 1)
      if #names == 0 then
        return nil
      end
      records = redis.call('HMGET', KEYS[1], unpack(names))
      offset = offset + #names
      next_name = 1
    end
    local name, record = names[next_name], records[next_name]
    next_name = next_name + 1
    if record then
      local n = read + 1
      read = n
      ids[n] = name
      numbers[n], slots[n], committed[n], measured[n], ramping[n], beat_at[n], missing_at[n], digest[n], state[n], connection[n] =
        struct.unpack(HOST_FORMAT, record)
      score[n] = congestion_of(slots[n], committed[n], measured[n], ramping[n])
      stored_score[n] = score[n]
      return n
    end
    -- A name in the order that no host has.
    stray[#stray + 1] = name
  end
end

local front = read_host()

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
    if now - beat_at[host] <= suspect_after then
      return host
    end
    silent[#silent + 1] = host
  end
end

local joined = {}
-- The same session may be asked for twice in one call.
local made = {}
local reply, stored, reserved = {}, {}, {}
local replied = 0
local times = string.format('|%d|', now)
local due = string.format('|reserved||%d|', expires_at)

for i = 1, count do
  local at = 1 + i * 4
  local id, epoch = session_ids[i], ARGV[at + 1]
  local record = made[id] or known[i]
  local kind, detail, third = 'full', '', ''
  local known_epoch, known_state, reason
  if record then
    known_epoch, known_state, reason = string.match(record, '^(%d+)|(%a+)|([%a_]*)|')
  end
  if record and known_state ~= 'ended' then
    kind, detail = 'existing', record
  elseif record and tonumber(known_epoch) >= tonumber(epoch) then
    kind, detail = 'over', reason
  else
    local host = take()
    if host then
      local name = ids[host]
      record = epoch .. due .. name .. times .. ARGV[at + 2] .. '|' .. ARGV[at + 3]
      made[id] = record
      stored[#stored + 1] = id
      stored[#stored + 1] = record
      reserved[#reserved + 1] = id
      joined[#joined + 1] = numbers[host]
      joined[#joined + 1] = id
      picked[host] = true
      committed[host] = committed[host] + 1
      ramping[host] = ramping[host] + math.floor(FULL / slots[host])
      score[host] = congestion_of(slots[host], committed[host], measured[host], ramping[host])
      if committed[host] < slots[host] then
        push(host)
      end
      post(broker_of[connection[host]], id)
      kind, detail, third = 'reserved', name, connection[host]
    end
  end
  reply[replied + 1] = kind
  reply[replied + 2] = detail
  reply[replied + 3] = third
  replied = replied + 3
end

local packed, scores, taken = {}, {}, stray

local function write_host(host, new_state)
  packed[#packed + 1] = ids[host]
  packed[#packed + 1] = struct.pack(HOST_FORMAT, numbers[host], slots[host], committed[host], measured[host], ramping[host],
    beat_at[host], missing_at[host], digest[host], new_state, connection[host])
end

for host in pairs(picked) do
  write_host(host, state[host])
  if committed[host] < slots[host] then
    scores[#scores + 1] = score[host]
    scores[#scores + 1] = ids[host]
  else
    taken[#taken + 1] = ids[host]
  end
end
local freed_slots = 0
for _, host in ipairs(silent) do
  write_host(host, SUSPECT)
  taken[#taken + 1] = ids[host]
  freed_slots = freed_slots - slots[host]
end

call_with('HSET', KEYS[1], packed)
call_with('ZADD', KEYS[3], scores)
call_with('ZREM', KEYS[3], taken)
call_with('HSET', KEYS[5], stored)
call_with('ZADD', KEYS[6], joined)
push_due(KEYS[7], expires_at, reserved)
commit_mail()
reply[replied + 1] = redis.call('ZCARD', KEYS[6])
reply[replied + 2] = redis.call('HINCRBY', KEYS[9], 'slots', freed_slots)
return reply
