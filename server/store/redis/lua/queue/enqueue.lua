-- Puts placements into the queue: in the order of arrival minus head start, then of ids.
--
-- ARGV  3 how many may wait
--       4... per placement: sessionId, epoch, arrivedAtMs or '', head start in ms, 1 if it missed an offer, clientBrokerId, meta
-- Returns per placement one text, by its first letter:
--   ~ arrivedAtMs: it waits | = record: it lives, perhaps as an offer | ! reason: it ended | # the queue is full
--   | / the place is closed
-- Keeps: who waits already keeps the place; nobody waits in a closed one.

local ids = {}
for i = 4, #ARGV, 7 do
  ids[#ids + 1] = ARGV[i]
end
load_sessions(ids)

local length = redis.call('ZCARD', KEYS[11])
local closure = redis.call('HGET', KEYS[9], 'closure')
local reply = {}

local function join_queue(id, epoch, arrived_at, head_start, misses, broker, meta)
  local waiting = load_waiting(id)
  if not waiting then
    if length >= tonumber(ARGV[3]) then
      return '#'
    end
    length = length + 1
    local arrived = arrived_at == '' and now or tonumber(arrived_at)
    waiting = { id = id, epoch = 0, arrived_at = arrived, score = arrived - head_start, misses = 0 }
    redis.call('ZADD', KEYS[11], text_of[waiting.score], id)
  end
  waiting.epoch = math.max(waiting.epoch, epoch)
  waiting.misses = math.max(waiting.misses, misses)
  waiting.broker, waiting.meta = broker, meta
  save_waiting(waiting)
  redis.call('ZADD', KEYS[13], now, id)
  return '~' .. text_of[waiting.arrived_at]
end

for i = 1, #ids do
  local at = 4 + (i - 1) * 7
  local session, epoch, broker = sessions[ids[i]], tonumber(ARGV[at + 1]), ARGV[at + 5]
  if session and is_live(session.state) then
    if session.state == 'offered' then
      move_to(session, broker)
    end
    reply[i] = '='
  elseif session and session.epoch >= epoch then
    reply[i] = '!' .. session.reason
  elseif closure then
    reply[i] = '/'
  else
    reply[i] = join_queue(ids[i], epoch, ARGV[at + 2], tonumber(ARGV[at + 3]), tonumber(ARGV[at + 4]), broker, ARGV[at + 6])
  end
end
finish()
for i = 1, #ids do
  local session = sessions[ids[i]]
  if session and is_live(session.state) then
    reply[i] = '=' .. encode_session(session)
  end
end
return reply
