-- Shared by every script of a place, after place.lua: records, counters, order and mail change together.
--
-- Keeps: reserved + used equal the sessions in the index; every set says what the records say.

-- Mail ------------------------------------------------------------------------------------------------

local letters = {}

-- Leaves word for another broker that a session changed.
local function post(broker, session_id)
  if broker ~= '' and broker ~= caller then
    local bag = letters[broker] or {}
    bag[#bag + 1] = session_id
    letters[broker] = bag
  end
end

-- Changes of sessions ---------------------------------------------------------------------------------

-- Takes a slot of a host for a session that has none.
local function join(session, host)
  session.host = host.id
  host.committed = host.committed + 1
  host.digest = bit.bxor(host.digest, digest_of(session))
  change_host(host)
  change_session(session)
end

-- Frees the slot of a live session. Returns its host, if that is known.
local function leave(session)
  local host = load_host(session.host)
  if host then
    host.committed = host.committed - 1
    host.digest = bit.bxor(host.digest, digest_of(session))
    local expected = decay_ramping(math.floor(FULL / host.slots), now - session.reserved_at)
    host.ramping = math.max(0, host.ramping - expected)
    change_host(host)
    post(broker_of[host.connection], session.id)
  end
  return host
end

-- A session that stays on its host has another epoch or state.
local function restate(session, host, epoch, state)
  host.digest = bit.bxor(host.digest, digest_of(session))
  session.epoch, session.state = epoch, state
  host.digest = bit.bxor(host.digest, digest_of(session))
  change_host(host)
  change_session(session)
end

local function end_session(session, reason)
  local host = leave(session)
  post(session.broker, session.id)
  session.state, session.reason = 'ended', reason
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
  for _, session in ipairs(live_sessions_of(host.id)) do
    end_session(session, reason)
    tell_ended(out, session, host)
  end
  set_state(host, 'lost')
end

-- Writing ---------------------------------------------------------------------------------------------

local function commit_hosts()
  local records, scores, taken, gone = {}, {}, {}, {}
  for _, host in ipairs(changed_hosts) do
    local score = free_score(host)
    if host.state == 'lost' then
      gone[#gone + 1] = host.id
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
  call_with('ZREM', KEYS[4], gone)
  call_with('ZADD', KEYS[3], scores)
  call_with('ZREM', KEYS[3], taken)
  if added_slots ~= 0 then
    redis.call('HINCRBY', KEYS[9], 'slots', added_slots)
  end
end

local function commit_sessions()
  local records, joined, left, reserved, ended, revived = {}, {}, {}, {}, {}, {}
  local forget_at = text_of[now + ENDED_KEPT_MS]
  for i, session in ipairs(changed_sessions) do
    local id, before, after = session.id, session.stored_state, session.state
    records[i * 2 - 1] = id
    records[i * 2] = encode_session(session)
    local was_live, lives = is_live(before), is_live(after)
    local stays = was_live and lives and session.stored_host == session.host
    if was_live and not stays then
      left[#left + 1] = session.stored_host .. '|' .. id
    end
    if lives and not stays then
      joined[#joined + 1] = '0'
      joined[#joined + 1] = session.host .. '|' .. id
    end
    if before ~= after then
      if before == 'ended' then
        revived[#revived + 1] = id
      end
      if after == 'reserved' then
        reserved[#reserved + 1] = text_of[session.expires_at]
        reserved[#reserved + 1] = id
      elseif after == 'ended' then
        ended[#ended + 1] = forget_at
        ended[#ended + 1] = id
      end
    end
  end
  call_with('HSET', KEYS[5], records)
  call_with('ZREM', KEYS[6], left)
  call_with('ZADD', KEYS[6], joined)
  call_with('ZADD', KEYS[7], reserved)
  call_with('ZREM', KEYS[8], revived)
  call_with('ZADD', KEYS[8], ended)
end

-- A broker that reads nothing keeps about MAIL_MAX_BYTES waiting.
local function commit_mail()
  for broker, bag in pairs(letters) do
    local waiting = redis.call('HGET', KEYS[10], broker) or (now .. ';')
    if #waiting < MAIL_MAX_BYTES then
      redis.call('HSET', KEYS[10], broker, waiting .. table.concat(bag, ',') .. ',')
    end
  end
end

local function commit()
  commit_hosts()
  commit_sessions()
  commit_mail()
end
