-- Free slots go to entries that wait.
--
-- Invariant: no slot of a ready, open host is free while an entry waits, except those that are kept for lost sessions; entries are
--   served in the order of the queue. Scripts that may free a slot serve the queue in any case, because a slot may be kept no longer.

-- The least congested host with a free slot, loaded, or nil. A silent one becomes suspect and gets nothing.
local function least_congested_host()
  while true do
    local name = redis.call('ZRANGE', free_key, 0, 0)[1]
    if not name then
      return nil
    end
    local host = load_host(name)
    if not host then
      redis.call('ZREM', free_key, name)
    elseif now_ms - host.heartbeat_at > SUSPECT_AFTER_MS then
      set_state(host, 'suspect')
      commit()
    else
      return host
    end
  end
end

-- Holds a slot of a host for an entry.
local function offer_slot(waiting, host)
  local session = new_session(waiting.id, waiting.epoch, 'offered', waiting.broker, waiting.meta)
  session.due_at = now_ms + OFFER_MS
  host.ramping = host.ramping + floor(FULL / host.slots)
  assign_slot(session, host)
  if host.trial then
    set_closed(host, close_after_trial(host.id))
    host.trial = false
  end
  redis.call('ZREM', queue_key, waiting.id)
  record_offer_change(waiting.broker, waiting.id)
  commit()
end

-- Offers free slots to the heads of the queue until one of the two runs out.
local function serve_queue()
  local spare
  while redis.call('EXISTS', queue_key) == 1 do
    local host = least_congested_host()
    if not host then
      break
    end
    local id = redis.call('ZRANGE', queue_key, 0, 0)[1]
    local waiting, session = load_waiting(id), load_session(id)
    if not waiting or (session and is_live(session.state)) then
      redis.call('ZREM', queue_key, id)
    else
      spare = spare or spare_slots(redis.call('ZCARD', queue_key))
      if spare == 0 then
        break
      end
      offer_slot(waiting, host)
      spare = spare - 1
    end
  end
  send_wake_ups()
end
