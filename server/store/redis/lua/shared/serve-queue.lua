-- Shared by the scripts of a place, after place-changes.lua: free slots go to those who wait.
--
-- Keeps: no slot of a ready host is free while somebody waits; who comes first is served first.

-- The least congested host with a free slot, loaded, or nil. A silent one turns suspect and is passed over.
local function take_free_host()
  while true do
    local name = redis.call('ZRANGE', KEYS[3], 0, 0)[1]
    if not name then
      return nil
    end
    local host = load_host(name)
    if not host then
      redis.call('ZREM', KEYS[3], name)
    elseif now - host.beat_at > SUSPECT_AFTER_MS then
      set_state(host, 'suspect')
      commit()
    else
      return host
    end
  end
end

-- Holds a slot of a host for a placement.
local function offer(waiting, host)
  local session = new_session(waiting.id, waiting.epoch, 'offered', waiting.broker, waiting.meta)
  session.due_at = now + OFFER_MS
  sessions[waiting.id] = session
  host.ramping = host.ramping + math.floor(FULL / host.slots)
  join(session, host)
  redis.call('ZREM', KEYS[11], waiting.id)
  post_offer(waiting.broker, waiting.id)
  commit()
end

-- Offers free slots to the heads of the queue, until one of the two runs out.
local function serve_queue()
  while redis.call('EXISTS', KEYS[11]) == 1 do
    local host = take_free_host()
    if not host then
      return
    end
    local id = redis.call('ZRANGE', KEYS[11], 0, 0)[1]
    local waiting, session = load_waiting(id), load_session(id)
    if not waiting or (session and is_live(session.state)) then
      redis.call('ZREM', KEYS[11], id)
    else
      offer(waiting, host)
    end
  end
end

-- Ends a script: writes what changed, and hands out what became free.
local function finish()
  commit()
  serve_queue()
end
