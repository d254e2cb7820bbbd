-- Closes a place, or one host of it, to new sessions; or opens it again.
--
-- ARGV  3 hostId, or '' for the whole place  4 what it is to be: open, or another closure
--       5 what it has to be for that, or '' when that does not matter
-- Keeps: from this call on nobody gets a slot there, by whatever call; what was merely offered is taken back; nobody
--   waits in a closed place. A host stays closed when it registers again.

local id, closure = ARGV[3], ARGV[4]
local field = id == '' and 'closure' or 'closed/' .. id
if ARGV[5] ~= '' and (redis.call('HGET', KEYS[9], field) or 'open') ~= ARGV[5] then
  return 'ok'
end
if closure == 'open' then
  redis.call('HDEL', KEYS[9], field)
else
  redis.call('HSET', KEYS[9], field, closure)
end

-- Their brokers hear that they wait here no more.
local function dismiss_everybody()
  for _, waiting_id in ipairs(redis.call('ZRANGE', KEYS[13], 0, -1)) do
    local waiting, session = load_waiting(waiting_id), load_session(waiting_id)
    forget_waiting(waiting_id)
    if session and session.state == 'offered' then
      take_back(session)
    end
    if waiting then
      post_offer(waiting.broker, waiting_id)
    end
  end
end

local host = id ~= '' and load_host(id)
if host then
  set_closed(host, closure ~= 'open')
  if host.closed then
    for _, session in ipairs(live_sessions_of(host)) do
      if session.state == 'offered' then
        end_session(session, 'host_lost')
      end
    end
  end
elseif id == '' and closure ~= 'open' then
  dismiss_everybody()
end
finish()
return 'ok'
