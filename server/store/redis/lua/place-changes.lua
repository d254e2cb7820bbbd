-- Shared by the scripts of a place, after place.lua: records, counters, order and mail change together.
--
-- Keeps: a host's counter equals its members; every key says what the records say.

-- Most entries that are due were claimed or ended long ago: one call strikes off about this many of them.
local MAX_STRUCK = 8000

-- Changes of sessions ---------------------------------------------------------------------------------

local forget_at = now + ENDED_KEPT_MS

-- Who sits in which slot from now on, as HSET takes it, and by how many live sessions there are more.
local members = {}
local added_sessions = 0

-- Takes a slot of a host for a session that has none.
local function join(session, host)
  local slot_at = host.committed * SLOT_LENGTH + 1
  session.host, session.slot = host.id, string.sub(host.order, slot_at, slot_at + 1)
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
  local host = load_host(session.host)
  if host then
    host.order = give_back(host.order, host.committed, session.slot)
    host.committed = host.committed - 1
    host.digest = bit.bxor(host.digest, digest_of(session.id, session.epoch, session.state))
    host.ramping = withdraw_ramping(host.ramping, host.slots, now - session.reserved_at)
    change_host(host)
    post(broker_of[host.connection], session.id)
  end
  return host
end

-- A session that stays on its host has another epoch or state.
local function restate(session, host, epoch, state)
  host.digest = bit.bxor(host.digest, digest_of(session.id, session.epoch, session.state))
  session.epoch, session.state, session.due_at = epoch, state, 0
  host.digest = bit.bxor(host.digest, digest_of(session.id, session.epoch, session.state))
  change_host(host)
  change_session(session)
end

local function end_session(session, reason)
  local host = leave(session)
  post(session.broker, session.id)
  session.state, session.reason, session.due_at = 'ended', reason, forget_at
  change_session(session)
  return host
end

-- Adds what callers are told of a session that ended: sessionId, record, connectionId.
local function tell_ended(out, session, host)
  local n = #out
  out[n + 1] = session.id
  out[n + 2] = encode_session(session)
  out[n + 3] = host and host.connection or ''
end

-- Ends all sessions of a host and forgets it.
local function remove_host(host, reason, out)
  for _, session in ipairs(live_sessions_of(host)) do
    end_session(session, reason)
    tell_ended(out, session, host)
  end
  set_state(host, 'lost')
end

-- Writing ---------------------------------------------------------------------------------------------

local function commit_hosts()
  local records, scores, taken, gone, empty = {}, {}, {}, {}, {}
  for _, host in ipairs(changed_hosts) do
    local score = free_score(host)
    if host.state == 'lost' then
      gone[#gone + 1] = host.id
      for at = 1, #host.order, SLOT_LENGTH do
        empty[#empty + 1] = host.id .. '/' .. string.sub(host.order, at, at + 1)
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
end

-- Takes what is due from the head of a list: up to `limit` sessions that still have that state and that time
-- go to `act`, the others are struck off.
local function take_due(key, state, limit, act)
  local taken, struck = 0, 0
  while taken < limit and struck < MAX_STRUCK do
    local entry = redis.call('LINDEX', key, 0)
    local due_at = entry and tonumber(string.match(entry, '^%d+'))
    if not entry or due_at > now then
      break
    end
    local ids = split_ids(string.match(entry, ';(.*)$'))
    load_sessions(ids)
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

local function commit_sessions()
  local records, reserved, ended = {}, {}, {}
  local expires_at
  for i, session in ipairs(changed_sessions) do
    records[i * 2 - 1] = session.id
    records[i * 2] = encode_session(session)
    if session.stored_state ~= session.state then
      if session.state == 'reserved' then
        expires_at = session.due_at
        reserved[#reserved + 1] = session.id
      elseif session.state == 'ended' then
        ended[#ended + 1] = session.id
      end
    end
  end
  call_with('HSET', KEYS[5], records)
  push_due(KEYS[7], expires_at, reserved)
  push_due(KEYS[8], forget_at, ended)
end

local function commit()
  call_with('HSET', KEYS[6], members)
  if added_sessions ~= 0 then
    redis.call('HINCRBY', KEYS[9], 'sessions', added_sessions)
  end
  commit_hosts()
  commit_sessions()
  commit_mail()
end
