-- Adds a closure to a region pool or one host of it, or removes it. It takes new sessions while it has no closure.
--
-- Arguments
--   caller_id  the calling broker, '' so that every broker is notified
--   host_id    '' for the whole region pool
--   closure    cordoned ...
--   change     add | remove
-- Invariants: only this closure changes; after this call nothing new is placed where a closure is left, by whatever call; offers
--   there are withdrawn, except on a host that is only hot; no placement waits in a closed region pool. A host stays closed when
--   it registers again.

local field = host_id == '' and 'closure' or 'closed/' .. host_id
local closures = {}
for known in string.gmatch(redis.call('HGET', totals_key, field) or '', '[^,]+') do
  if known ~= closure then
    closures[#closures + 1] = known
  end
end
if change == 'add' then
  closures[#closures + 1] = closure
end
local closed = #closures > 0
if closed then
  redis.call('HSET', totals_key, field, table.concat(closures, ','))
else
  redis.call('HDEL', totals_key, field)
end

-- Takes every placement out of the queue, and notes it for their brokers.
local function empty_queue()
  for _, id in ipairs(redis.call('ZRANGE', attended_key, 0, -1)) do
    local waiting, session = load_waiting(id), load_session(id)
    delete_waiting(id)
    if session and session.state == 'offered' then
      withdraw_offer(session)
    end
    if waiting then
      note_offer_change(waiting.broker, id)
    end
  end
end

local function close_host(host)
  set_closed(host, closed)
  if closed and table.concat(closures, ',') ~= 'hot' then
    for _, session in ipairs(live_sessions_of(host)) do
      if session.state == 'offered' then
        end_session(session, 'host_lost')
      end
    end
  end
end

local host = host_id ~= '' and load_host(host_id)
if host then
  close_host(host)
elseif host_id == '' and closed then
  empty_queue()
end
commit_and_serve_queue()
return 'ok'
