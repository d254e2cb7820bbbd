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

local expires_at = now + tonumber(ARGV[3])
local suspect_after = tonumber(ARGV[4])
local count = (#ARGV - 4) / 4

-- Byte by byte, as sorted sets compare: Lua's own `<` follows the locale that Redis was started in.
local function name_before(a, b)
  for i = 1, math.min(#a, #b) do
    local x, y = string.byte(a, i), string.byte(b, i)
    if x ~= y then
      return x < y
    end
  end
  return #a < #b
end

-- The order of hosts: congestion, then name, as in the sorted set. Hosts that were read with equal
-- congestion came in the order of their names.
local function before(a, b)
  if a.score ~= b.score then
    return a.score < b.score
  end
  if a.stored_score == b.stored_score then
    return a.rank < b.rank
  end
  return name_before(a.id, b.id)
end

local heap = {}

local function push(host)
  local i = #heap + 1
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
  local top, last = heap[1], table.remove(heap)
  local size = #heap
  if size == 0 then
    return top
  end
  local i = 1
  while true do
    local child = i * 2
    if child > size then
      break
    end
    if child < size and before(heap[child + 1], heap[child]) then
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

-- Free hosts in order: read in bulk, decoded when their turn comes.
local ids, records, next_read, offset = {}, {}, 1, 0

local function read_on()
  ids = redis.call('ZRANGE', KEYS[3], offset, offset + count - 1)
  records = #ids > 0 and redis.call('HMGET', KEYS[1], unpack(ids)) or {}
  offset = offset + #ids
  next_read = 1
end

-- The first free host that was not picked yet, or nil; and names in the order that have no record.
local front
local rank = 0
local stray = {}

local function advance()
  repeat
    if next_read > #ids then
      read_on()
    end
    local id, text = ids[next_read], records[next_read]
    next_read = next_read + 1
    front = id and text and decode_host(id, text)
    if id and not text then
      stray[#stray + 1] = id
    end
  until front or not id
  if front then
    front.score = front.stored_score
    rank = rank + 1
    front.rank = rank
  end
end

-- The least congested host. A silent one turns suspect when its turn comes, and is passed over.
local function take()
  while true do
    if heap[1] and (not front or before(heap[1], front)) then
      return pop()
    end
    local host = front
    if not host then
      return nil
    end
    advance()
    if now - host.beat_at <= suspect_after then
      return host
    end
    set_state(host, 'suspect')
  end
end

local session_ids = {}
for i = 1, count do
  session_ids[i] = ARGV[1 + i * 4]
end
load_sessions(session_ids)
advance()

local reply = {}
for i = 1, count do
  local id, epoch = session_ids[i], number_of[ARGV[2 + i * 4]]
  local session = sessions[id]
  local kind, detail, connection = 'full', '', ''
  if session and session.state ~= 'ended' then
    kind, detail = 'existing', encode_session(session)
  elseif session and session.epoch >= epoch then
    kind, detail = 'over', session.reason
  else
    local host = take()
    if host then
      local fresh = new_session(id, epoch, 'reserved', ARGV[3 + i * 4], ARGV[4 + i * 4])
      fresh.expires_at = expires_at
      fresh.stored_state = session and session.stored_state
      sessions[id] = fresh
      join(fresh, host)
      host.ramping = host.ramping + math.floor(FULL / host.slots)
      if host.committed < host.slots then
        host.score = congestion(host)
        push(host)
      end
      post(broker_of[host.connection], id)
      kind, detail, connection = 'reserved', host.id, host.connection
    end
  end
  local n = #reply
  reply[n + 1] = kind
  reply[n + 2] = detail
  reply[n + 3] = connection
end
call_with('ZREM', KEYS[3], stray)
commit()

reply[#reply + 1] = redis.call('ZCARD', KEYS[6])
reply[#reply + 1] = redis.call('HGET', KEYS[9], 'slots') or '0'
return reply
