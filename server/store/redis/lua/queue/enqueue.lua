-- Puts entries into the queue: in the order of arrival minus head start, then of ids.
--
-- Arguments
--   max_length      how many entries may wait
-- Lists
--   session_ids
--   epochs
--   arrival_times   ms, '' for now
--   head_starts     ms
--   misses          1 when it missed an offer before, else 0
--   broker_ids      of the clients
--   metas
-- Returns per entry one text, by its first character:
--   ~ arrivedAtMs: it waits | = record: the session lives, perhaps as an offer | ! reason: it ended | # the queue is full
--   | / the region pool is closed
-- Invariants: an entry that waits already keeps its position; it keeps the broker of its latest epoch; none waits in a closed
--   region pool.

load_sessions(session_ids)
local length = redis.call('ZCARD', queue_key)
local closure = redis.call('HGET', totals_key, 'closure')

-- An entry that does not wait yet, with its position in the queue; nil when the queue is full.
local function add_to_queue(i)
  if length >= max_length then
    return nil
  end
  length = length + 1
  local arrived_at = tonumber(arrival_times[i]) or now_ms
  local waiting = { id = session_ids[i], epoch = 0, arrived_at = arrived_at, score = arrived_at - head_starts[i], misses = 0 }
  redis.call('ZADD', queue_key, text_of[waiting.score], waiting.id)
  return waiting
end

-- Whether no later attempt of the request has the entry. Another connection of the player may have resumed it.
local function is_latest(waiting, i)
  return waiting.epoch <= tonumber(epochs[i])
end

-- Records the broker of an entry that has an offer.
local function keep_offer(session, i)
  local waiting = load_waiting(session.id)
  if waiting and not is_latest(waiting, i) then
    return
  end
  if waiting then
    waiting.epoch = tonumber(epochs[i])
    save_waiting(waiting)
  end
  set_client_broker(session, broker_ids[i])
end

-- Lets an entry wait: then no slot is kept for it as for a lost session. Returns the answer about it.
local function wait(i)
  redis.call('ZREM', lost_key, session_ids[i])
  local waiting = load_waiting(session_ids[i]) or add_to_queue(i)
  if not waiting then
    return '#'
  end
  waiting.misses = math.max(waiting.misses, tonumber(misses[i]))
  if is_latest(waiting, i) then
    waiting.epoch, waiting.broker, waiting.meta = tonumber(epochs[i]), broker_ids[i], metas[i]
  end
  save_waiting(waiting)
  redis.call('ZADD', attended_key, now_ms, waiting.id)
  return '~' .. text_of[waiting.arrived_at]
end

local reply = {}
for i = 1, item_count do
  local session = sessions[session_ids[i]]
  if session and is_live(session.state) then
    if session.state == 'offered' then
      keep_offer(session, i)
    end
    reply[i] = '='
  elseif session and session.epoch >= tonumber(epochs[i]) then
    reply[i] = '!' .. session.reason
  elseif closure then
    reply[i] = '/'
  else
    reply[i] = wait(i)
  end
end
commit_and_serve_queue()
-- The queue may have got free slots just now.
for i = 1, item_count do
  local session = sessions[session_ids[i]]
  if session and is_live(session.state) then
    reply[i] = '=' .. encode_session(session)
  end
end
return reply
