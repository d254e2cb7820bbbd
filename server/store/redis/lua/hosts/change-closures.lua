-- Adds a closure to a region pool or one host of it, or removes it. It takes new sessions while it has no closure.
--
-- Arguments
--   caller_id  the calling broker, '' so that every broker is notified
--   host_id    '' for the whole region pool
--   closure    cordoned ...
--   change     add | remove
-- Invariants: only this closure changes; after this call nothing new is placed where a closure is left, by whatever call; offers
--   there are withdrawn, except on a host that became hot; no entry waits in a closed region pool. A host stays closed when
--   it registers again.

local closed = change_closure(host_id == '' and 'closure' or 'closed/' .. host_id, closure, change)

-- Takes every entry out of the queue, and notes it for their brokers.
local function empty_queue()
  for _, id in ipairs(redis.call('ZRANGE', attended_key, 0, -1)) do
    local waiting, session = load_waiting(id), load_session(id)
    delete_waiting(id)
    if session and session.state == 'offered' then
      withdraw_offer(session)
    end
    if waiting then
      record_offer_change(waiting.broker, id)
    end
  end
end

local host = host_id ~= '' and load_host(host_id)
if host then
  set_closed(host, closed)
  host.trial = not closed and redis.call('HEXISTS', failures_key, host_id) == 1
  if change == 'add' and closure ~= 'hot' then
    withdraw_offers_of(host)
  end
elseif host_id == '' and closed then
  empty_queue()
end
commit_and_serve_queue()
return 'ok'
