-- Shared by the scripts of a place, after place.lua: records, counters, order and mail change together.
--
-- Keeps: a host's counter equals its members; every key says what the records say.

-- Most entries that are due were claimed or ended long ago: one call strikes off about this many of them.
local MAX_STRUCK = 8000

-- Who waits -------------------------------------------------------------------------------------------

-- What is known of a placement that waits or was offered a slot, or nil.
local function load_waiting(id)
  local text = redis.call('HGET', KEYS[12], id)
  if not text then
    return nil
  end
  local epoch, arrived_at, score, misses, broker, meta = string.match(text, '^(%d+)|(%d+)|(-?%d+)|(%d)|([^|]*)|(.*)$')
  return {
    id = id,
    epoch = number_of[epoch],
    arrived_at = number_of[arrived_at],
    score = number_of[score],
    misses = number_of[misses],
    broker = broker,
    meta = meta,
  }
end

local function save_waiting(waiting)
  local text = text_of[waiting.epoch] .. '|' .. text_of[waiting.arrived_at] .. '|' .. text_of[waiting.score] .. '|'
    .. text_of[waiting.misses] .. '|' .. waiting.broker .. '|' .. waiting.meta
  redis.call('HSET', KEYS[12], waiting.id, text)
end

local function forget_waiting(id)
  redis.call('ZREM', KEYS[11], id)
  redis.call('HDEL', KEYS[12], id)
  redis.call('ZREM', KEYS[13], id)
end

-- Back into the queue after an offer; its broker hears of it.
local function requeue(waiting)
  redis.call('ZADD', KEYS[11], text_of[waiting.score], waiting.id)
  post_offer(waiting.broker, waiting.id)
end

-- Changes of sessions ---------------------------------------------------------------------------------

local forget_at = now + ENDED_KEPT_MS

-- Who sits in which slot from now on, as HSET takes it, and by how many live sessions there are more.
local members = {}
local added_sessions = 0
local freed = 0

-- Takes a slot of a host for a session that has none.
local function join(session, host)
  session.host, session.slot = host.id, sub(host.free, -SLOT_LENGTH)
  host.free = sub(host.free, 1, -SLOT_LENGTH - 1)
  members[#members + 1] = host.id .. '/' .. session.slot
  members[#members + 1] = session.id
  added_sessions = added_sessions + 1
  host.committed = host.committed + 1
  host.digest = bit.bxor(host.digest, digest_of(session.id, session.epoch, session.state))
  change_host(host)
  change_session(session)
end

-- Frees the slot of a live session. Returns its host, if that is known.
local function leave(session)
  added_sessions = added_sessions - 1
  if session.state ~= 'offered' then
    freed = freed + 1
  end
  local host = load_host(session.host)
  if host then
    host.committed = host.committed - 1
    -- One that registered again with fewer slots gets none back until it is below them.
    if host.committed < host.slots then
      host.free = host.free .. session.slot
    end
    host.digest = bit.bxor(host.digest, digest_of(session.id, session.epoch, session.state))
    host.ramping = withdraw_ramping(host.ramping, host.slots, now - session.reserved_at)
    change_host(host)
    if session.state ~= 'offered' then
      post(broker_of(host.connection), session.id)
    end
  end
  return host
end

-- When a session that its host reports in this state has to end: one whose client is away, from when it went.
local function due_at_of(session, state)
  if state ~= 'disconnected' then
    return 0
  end
  return session.state == state and session.due_at or now + RESUME_WINDOW_MS
end

-- Notes another broker for a live session, and for the placement that it is offered to.
local function move_to(session, broker)
  session.broker = broker
  change_session(session)
  local waiting = session.state == 'offered' and load_waiting(session.id)
  if waiting then
    waiting.broker = broker
    save_waiting(waiting)
  end
end

-- A session that stays on its host has another epoch or state.
local function restate(session, host, epoch, state)
  host.digest = bit.bxor(host.digest, digest_of(session.id, session.epoch, session.state))
  session.due_at = due_at_of(session, state)
  session.epoch, session.state = epoch, state
  host.digest = bit.bxor(host.digest, digest_of(session.id, session.epoch, session.state))
  change_host(host)
  change_session(session)
end

-- Forgets a session that was offered and not accepted; its slot is free.
local function take_back(session)
  local host = leave(session)
  redis.call('HDEL', KEYS[5], session.id)
  sessions[session.id] = false
  session.gone = true
  return host
end

-- Ends a live session. One that was merely offered goes back into the queue, where it stood before.
-- Returns its host, if that is known, and whether it ended.
local function end_session(session, reason)
  local waiting = session.state == 'offered' and load_waiting(session.id)
  if waiting then
    requeue(waiting)
    return take_back(session), false
  end
  local host = leave(session)
  post(session.broker, session.id)
  session.state, session.reason, session.due_at = 'ended', reason, forget_at
  change_session(session)
  return host, true
end

-- Gives a session the slot that is held as its arrival, under the arrival's epoch. What it had in this place it leaves.
local function settle(id, arrival, known, state, reserved_ms, broker)
  local host = load_host(arrival.host)
  redis.call('HDEL', KEYS[5], arrival.id)
  sessions[arrival.id] = false
  arrival.gone = true
  local session = known
  if not known then
    session = new_session(id, arrival.epoch, state, broker, arrival.meta)
    sessions[id] = session
  elseif is_live(known.state) then
    leave(known)
  end
  session.host, session.slot, session.epoch, session.meta = host.id, arrival.slot, arrival.epoch, arrival.meta
  session.reserved_at, session.reason, session.movable = arrival.reserved_at, '', false
  session.due_at = state == 'disconnected' and now + RESUME_WINDOW_MS or state == 'reserved' and now + reserved_ms or 0
  session.state = state
  -- Whatever it was before, it is due anew.
  session.stored_state = false
  members[#members + 1] = host.id .. '/' .. session.slot
  members[#members + 1] = id
  host.digest = bit.bxor(host.digest, digest_of(id, session.epoch, state))
  change_host(host)
  change_session(session)
  post(session.broker, id)
  post(broker_of(host.connection), id)
  return session
end

-- Adds what callers are told of a session that ended: sessionId, record, connectionId.
local function tell_ended(out, session, host)
  local n = #out
  out[n + 1] = session.id
  out[n + 2] = encode_session(session)
  out[n + 3] = host and host.connection or ''
end

-- Ends a session, and adds what callers are told of it.
local function end_and_tell(out, session, reason)
  local host, ended = end_session(session, reason)
  if ended then
    tell_ended(out, session, host)
  end
end

-- Ends all sessions of a host and forgets it. Its slots go with it: they are nothing that waiting players may hope for.
local function remove_host(host, reason, out)
  local freed_before = freed
  for _, session in ipairs(live_sessions_of(host)) do
    end_and_tell(out, session, reason)
  end
  freed = freed_before
  set_state(host, 'lost')
end

-- Writing ---------------------------------------------------------------------------------------------

local function commit_hosts()
  local records, scores, taken, gone, empty = {}, {}, {}, {}, {}
  for _, host in ipairs(changed_hosts) do
    local score = free_score(host)
    if host.state == 'lost' then
      gone[#gone + 1] = host.id
      for number = 0, host.named - 1 do
        empty[#empty + 1] = host.id .. '/' .. slot_name(number)
      end
    else
      records[#records + 1] = host.id
      records[#records + 1] = encode_host(host)
    end
    if score and score ~= host.stored_score then
      scores[#scores + 1] = text_of[score]
      scores[#scores + 1] = host.id
    elseif host.stored_score and not score then
      taken[#taken + 1] = host.id
    end
  end
  call_with('HSET', KEYS[1], records)
  call_with('HDEL', KEYS[1], gone)
  call_with('HDEL', KEYS[2], gone)
  call_with('HDEL', KEYS[6], empty)
  call_with('ZREM', KEYS[4], gone)
  call_with('ZADD', KEYS[3], scores)
  call_with('ZREM', KEYS[3], taken)
  if added_slots ~= 0 then
    redis.call('HINCRBY', KEYS[9], 'slots', added_slots)
  end
  for _, host in ipairs(changed_hosts) do
    host.changed, host.stored_score = false, free_score(host)
  end
  changed_hosts, added_slots = {}, 0
end

-- The entry at that place of a list, if its time has come: its time and its sessions, loaded. Else nothing.
local function due_entry(key, at)
  local entry = redis.call('LINDEX', key, at)
  local due_at = entry and tonumber(string.match(entry, '^%d+'))
  if not entry or due_at > now then
    return nil
  end
  local ids = split_ids(string.match(entry, ';(.*)$'))
  load_sessions(ids)
  return due_at, ids
end

-- Takes what is due from the head of a list: up to `limit` sessions that still have that state and that time
-- go to `act`, the others are struck off.
local function take_due(key, state, limit, act)
  local taken, struck = 0, 0
  while taken < limit and struck < MAX_STRUCK do
    local due_at, ids = due_entry(key, 0)
    if not due_at then
      break
    end
    local seen = 0
    while seen < #ids and taken < limit do
      seen = seen + 1
      local session = sessions[ids[seen]]
      if session and session.state == state and session.due_at == due_at then
        act(session)
        taken = taken + 1
      else
        struck = struck + 1
      end
    end
    if seen == #ids then
      redis.call('LPOP', key)
    else
      redis.call('LSET', key, 0, text_of[due_at] .. ';' .. table.concat(ids, ',', seen + 1))
    end
  end
  return taken
end

-- States in which a session has a time to end, with the list of those.
local DUE_LISTS = { reserved = KEYS[7], offered = KEYS[14], disconnected = KEYS[15], arriving = KEYS[16], ended = KEYS[8] }

local function commit_sessions()
  local records, due, due_at = {}, {}, {}
  for _, session in ipairs(changed_sessions) do
    if not session.gone then
      records[#records + 1] = session.id
      records[#records + 1] = encode_session(session)
      local state = session.state
      if DUE_LISTS[state] and session.stored_state ~= state then
        due[state] = due[state] or {}
        table.insert(due[state], session.id)
        due_at[state] = session.due_at
      end
    end
    session.changed, session.stored_state = false, session.state
  end
  call_with('HSET', KEYS[5], records)
  for state, ids in pairs(due) do
    push_due(DUE_LISTS[state], due_at[state], ids, #ids)
  end
  changed_sessions = {}
end

-- Writes every change once. More may follow, and another commit.
local function commit()
  call_with('HSET', KEYS[6], members)
  if added_sessions ~= 0 then
    redis.call('HINCRBY', KEYS[9], 'sessions', added_sessions)
  end
  if freed ~= 0 then
    redis.call('HINCRBY', KEYS[9], 'freed', freed)
  end
  members, added_sessions, freed = {}, 0, 0
  commit_hosts()
  commit_sessions()
  commit_mail()
end
