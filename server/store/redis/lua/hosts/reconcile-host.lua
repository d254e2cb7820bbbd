-- Makes the store agree with what a host says it holds: the host is the truth about what it runs, the
-- store about what has ended.
--
-- ARGV  3 hostId  4 connectionId  5 revocable reasons, comma after each  6... per session: sessionId, epoch, state
-- Returns ok | replaced | unknown, then four lists:
--   ended (sessionId, record, connectionId), rejected (sessionId, epoch, reason), adopted (sessionId),
--   arriving (sessionId): a slot is held for them here, which arrive.lua gives them
-- Keeps: a session is adopted only into a free slot; epochs only rise; the host's counter and digest equal
--   its members.

local host = load_host(ARGV[3])
if not host then
  return { 'unknown' }
end
if host.connection ~= ARGV[4] then
  return { 'replaced' }
end

-- Arrivals, too: those of sessions that are reported do not give way.
local ids, listed = {}, {}
for i = 6, #ARGV, 3 do
  ids[#ids + 1] = ARGV[i]
  ids[#ids + 1] = ARGV[i] .. '+'
  listed[ARGV[i]], listed[ARGV[i] .. '+'] = true, true
end

local ended, rejected, adopted, arriving = {}, {}, {}, {}

local function end_here(session)
  end_and_tell(ended, session, 'host_lost')
end

-- Reservations the host does not hold yet: they give way, the last first, to sessions that run and that the
-- store has lost.
local unclaimed = {}
for _, session in ipairs(live_sessions_of(host)) do
  if not listed[session.id] then
    if session.state == 'reserved' or session.state == 'offered' or session.state == 'arriving' then
      unclaimed[#unclaimed + 1] = session
    else
      end_here(session)
    end
  end
end

local function has_room()
  return host.committed < host.slots
end

local function make_room()
  if not has_room() and #unclaimed > 0 then
    end_here(table.remove(unclaimed))
  end
  return has_room()
end

-- 'adopt', 'same', or the reason to refuse it; the rules as in memory/reconcile.ts.
local function judge(known, epoch, state)
  if not known then
    return make_room() and 'adopt' or 'error'
  end
  if known.state == 'ended' then
    local revocable = epoch == known.epoch and string.find(ARGV[5], known.reason .. ',', 1, true)
    local keeps = epoch > known.epoch and make_room() or revocable and has_room()
    return keeps and 'adopt' or known.reason
  end
  if known.host == host.id and epoch >= known.epoch then
    return known.epoch == epoch and known.state == state and 'same' or 'adopt'
  end
  return epoch > known.epoch and make_room() and 'adopt' or 'superseded'
end

local function adopt(id, known, epoch, state)
  -- What runs waits no more.
  forget_waiting(id)
  local session = known
  if known and known.state ~= 'ended' and known.host == host.id then
    restate(known, host, epoch, state)
  else
    if not known then
      session = new_session(id, epoch, state, '', '')
      sessions[id] = session
    elseif known.state ~= 'ended' then
      leave(known)
    end
    session.due_at = state == 'disconnected' and now + RESUME_WINDOW_MS or 0
    session.epoch, session.state, session.reason = epoch, state, ''
    -- On this host it is due anew, whatever it was before.
    session.stored_state = false
    join(session, host)
  end
  post(session.broker, id)
end

load_sessions(ids)
for i = 6, #ARGV, 3 do
  local id, epoch, state = ARGV[i], tonumber(ARGV[i + 1]), ARGV[i + 2]
  local known, arrival = sessions[id], sessions[id .. '+']
  local moves = arrival and arrival.host == host.id and arrival.epoch == epoch and not (known and known.epoch >= epoch)
  local verdict = not moves and judge(known, epoch, state) or arrival.state == 'arriving' and 'arriving' or arrival.reason
  if verdict == 'arriving' then
    arriving[#arriving + 1] = id
  elseif verdict == 'adopt' then
    adopt(id, known, epoch, state)
    adopted[#adopted + 1] = id
  elseif verdict ~= 'same' then
    rejected[#rejected + 1] = id
    rejected[#rejected + 1] = ARGV[i + 1]
    rejected[#rejected + 1] = verdict
  end
end

finish()
return { 'ok', ended, rejected, adopted, arriving }
